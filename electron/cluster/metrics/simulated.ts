import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { approximate, parseQuantity, QuantityError } from '#shared/kube/quantity.ts'

const annotations = { cpu: 'wheelhouse.dev/usage-cpu', memory: 'wheelhouse.dev/usage-memory' }
/** Of what is requested. */
const share = { cpu: 0.5, memory: 1 }
/** Where nothing is requested: cores and bytes. */
const least = { cpu: 0.001, memory: 8 * 1024 * 1024 }

export interface SimulatedUsage {
  /** Cores. */
  readonly cpu: number
  readonly memoryBytes: number
}

/** What a container of a pod uses that exists in the API only. */
export function simulatedUsage(pod: Frozen<Pod>, container: string): SimulatedUsage {
  return { cpu: usage(pod, container, 'cpu'), memoryBytes: Math.round(usage(pod, container, 'memory')) }
}

function usage({ metadata, spec }: Frozen<Pod>, name: string, resource: 'cpu' | 'memory'): number {
  const containers = spec?.containers ?? []
  const wanted = metadata?.annotations?.[annotations[resource]]
  const told = wanted === undefined ? undefined : read(wanted)
  if (told !== undefined) return told / Math.max(1, containers.length)
  const requested = containers.find((container) => container.name === name)?.resources?.requests?.[resource]
  const amount = requested === undefined ? undefined : read(String(requested))
  return amount === undefined ? least[resource] : amount * share[resource]
}

/** Undefined for what is no quantity: a slip in an annotation breaks nothing. */
function read(text: string): number | undefined {
  try {
    return Math.max(0, approximate(parseQuantity(text)))
  } catch (error) {
    if (error instanceof QuantityError) return undefined
    throw error
  }
}
