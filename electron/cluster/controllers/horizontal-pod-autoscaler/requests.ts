import type { Container } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { milliValueOf, parseQuantity } from '#shared/kube/quantity.ts'
import type { PodView } from '../framework/support/pods.ts'
import { UncomputableError } from './uncomputable.ts'

type Requests = Readonly<Record<string, string>> | undefined
type AnyContainer = Frozen<Container> & { readonly restartPolicy?: string }

/** Of one pod, in thousandths. Throws UncomputableError. Source: replica_calculator.go, calculateRequests. */
export function requestOf(pod: PodView, resource: string, container: string | undefined): number {
  const own = (pod.spec as { resources?: { requests?: Requests } } | undefined)?.resources?.requests
  const isPodLevel = container === undefined && Object.keys(own ?? {}).some(isPodLevelResource)
  return isPodLevel ? podLevelRequest(pod, own, resource) : containerRequests(pod, resource, container)
}

const isPodLevelResource = (name: string): boolean =>
  name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')

const isSidecar = ({ restartPolicy }: AnyContainer): boolean => restartPolicy === 'Always'

const requested = ({ resources }: AnyContainer, resource: string): number | undefined =>
  amount(resources?.requests, resource)

function amount(list: unknown, resource: string): number | undefined {
  const text = (list as Requests)?.[resource]
  return text === undefined ? undefined : milliValueOf(parseQuantity(text))
}

function containerRequests(pod: PodView, resource: string, wanted: string | undefined): number {
  const name = pod.metadata?.name ?? ''
  const initContainers = (pod.spec?.initContainers ?? []) as readonly AnyContainer[]
  const all: readonly AnyContainer[] = [...(pod.spec?.containers ?? []), ...initContainers.filter(isSidecar)]
  const chosen = wanted === undefined ? all : all.filter((container) => container.name === wanted)
  if (wanted !== undefined && !chosen.length)
    throw new UncomputableError(`container ${wanted} not found in Pod ${name}`)
  let sum = 0
  for (const container of chosen) {
    const own = requested(container, resource)
    if (own === undefined)
      throw new UncomputableError(`missing request for ${resource} in container ${container.name} of Pod ${name}`)
    sum += own
  }
  return sum
}

/** What the pod asks for as a whole stands in place of what its containers do. Source: component-helpers PodRequests. */
function podLevelRequest(pod: PodView, own: Requests, resource: string): number {
  const request = amount(own, resource) ?? aggregated(pod, resource)
  const overhead = amount(pod.spec?.overhead, resource)
  if (request === undefined && overhead === undefined)
    throw new UncomputableError(`missing pod-level request for ${resource} in Pod ${pod.metadata?.name ?? ''}`)
  return (request ?? 0) + (overhead ?? 0)
}

/** Containers and sidecars side by side, or more while an init container runs. */
function aggregated(pod: PodView, resource: string): number | undefined {
  let isAsked = false
  const of = (container: AnyContainer): number => {
    const own = requested(container, resource)
    if (own !== undefined) isAsked = true
    return own ?? 0
  }
  let sidecars = 0
  let most = 0
  for (const container of (pod.spec?.initContainers ?? []) as readonly AnyContainer[]) {
    const own = of(container)
    if (isSidecar(container)) sidecars += own
    most = Math.max(most, isSidecar(container) ? sidecars : sidecars + own)
  }
  let sum = sidecars
  for (const container of pod.spec?.containers ?? []) sum += of(container)
  return isAsked ? Math.max(sum, most) : undefined
}
