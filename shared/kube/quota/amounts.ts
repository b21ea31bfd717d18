import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../quantity.ts'
import type { Container, PodSpec } from './types.ts'

/** Amounts by resource name. */
export type Amounts = ReadonlyMap<string, Quantity>

export const amountsOf = (list: Readonly<Record<string, string | undefined>> | undefined): Map<string, Quantity> =>
  new Map(
    Object.entries(list ?? {}).flatMap(([name, text]) => (text === undefined ? [] : [[name, parseQuantity(text)]])),
  )

export function addTo(sum: Map<string, Quantity>, more: Amounts): void {
  for (const [name, amount] of more) {
    const before = sum.get(name)
    sum.set(name, before ? addQuantities(before, amount) : amount)
  }
}

function raiseTo(sum: Map<string, Quantity>, least: Amounts): void {
  for (const [name, amount] of least) {
    const before = sum.get(name)
    if (!before || compareQuantities(amount, before) > 0) sum.set(name, amount)
  }
}

/**
 * What a pod asks for or may take at most: the sum of its containers and sidecars, or more while an init container
 * runs, plus overhead. Source: component-helpers/resource.PodRequests and PodLimits.
 */
export function podAmounts(spec: PodSpec | undefined, of: 'requests' | 'limits'): Map<string, Quantity> {
  const own = (container: Container) => amountsOf(container.resources?.[of])
  const total = new Map<string, Quantity>()
  for (const container of spec?.containers ?? []) addTo(total, own(container))
  const sidecars = new Map<string, Quantity>()
  const initially = new Map<string, Quantity>()
  for (const container of spec?.initContainers ?? []) {
    const amounts = own(container)
    if (container.restartPolicy === 'Always') {
      addTo(total, amounts)
      addTo(sidecars, amounts)
      raiseTo(initially, sidecars)
    } else {
      addTo(amounts, sidecars)
      raiseTo(initially, amounts)
    }
  }
  raiseTo(total, initially)
  // What is said of the whole pod stands for what its containers say.
  for (const [name, amount] of amountsOf(spec?.resources?.[of])) if (isOfWholePods(name)) total.set(name, amount)
  for (const [name, amount] of amountsOf(spec?.overhead)) {
    if (of === 'requests' || total.has(name)) addTo(total, new Map([[name, amount]]))
  }
  return total
}

const isOfWholePods = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')

/** `cpu=1,memory=2Gi`, by name. */
export const formatAmounts = (amounts: Amounts): string =>
  [...amounts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, amount]) => `${name}=${formatQuantity(amount)}`)
    .join(',')
