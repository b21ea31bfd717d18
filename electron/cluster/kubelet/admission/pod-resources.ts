import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '#shared/kube/quantity.ts'
import { containersOf, initContainersOf, isSidecar, type Container, type Pod } from '../types.ts'

export type Amounts = Map<string, Quantity>

function add(to: Amounts, from: ReadonlyMap<string, Quantity>): Amounts {
  for (const [name, amount] of from) {
    const sum = to.get(name)
    to.set(name, sum ? addQuantities(sum, amount) : amount)
  }
  return to
}

export const amountsOf = (list: Readonly<Record<string, string>> | undefined): Amounts =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]))

const requested = (container: Container): Amounts => amountsOf(container.resources?.requests)

/**
 * What a pod asks of its node: the sum of what runs side by side, or the most that initialization needs on the way,
 * whichever is larger. Source: component-helpers/resource.PodRequests.
 */
export function podRequests(pod: Pod): Amounts {
  const total: Amounts = new Map()
  for (const container of containersOf(pod)) add(total, requested(container))
  const sidecars: Amounts = new Map()
  const most: Amounts = new Map()
  for (const container of initContainersOf(pod)) {
    const own = requested(container)
    if (isSidecar(container)) add(sidecars, own)
    const step = isSidecar(container) ? new Map(sidecars) : add(new Map(own), sidecars)
    for (const [name, amount] of step) {
      const before = most.get(name)
      if (!before || compareQuantities(amount, before) > 0) most.set(name, amount)
    }
  }
  add(total, sidecars)
  for (const [name, amount] of most) {
    const sum = total.get(name)
    if (!sum || compareQuantities(amount, sum) > 0) total.set(name, amount)
  }
  return add(total, amountsOf(pod.spec?.overhead))
}
