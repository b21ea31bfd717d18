import { nodeBecame } from '../cluster-event.ts'
import type { NodeInfo } from '../node-info.ts'
import { amountOf, amountsOf, type Amounts } from '../resources.ts'
import type { Filter, Plugin, Rejection, Shortage } from './api.ts'
import { leastAllocated, type Strategy } from './scoring-strategies.ts'

/** Every resource that is requested, in the order in which upstream looks at them. */
function wantedBy(requests: Amounts): [name: string, amount: number][] {
  const named: [string, number][] = [
    ['cpu', requests.cpu],
    ['memory', requests.memory],
    ['ephemeral-storage', requests.storage],
  ]
  return [...named, ...requests.others].filter(([, amount]) => amount > 0)
}

/** `isElsewhere`: resources that devices stand for, on nodes that have none of their own. */
function fitsFor(requests: Amounts, isElsewhere: (resource: string) => boolean): Filter {
  const { cpu, memory, storage } = requests
  const others = [...requests.others].filter(([, amount]) => amount > 0)
  const wanted = wantedBy(requests)
  const claimed = new Set(others.map(([name]) => name).filter(isElsewhere))
  return {
    fits({ allocatable, requested, pods }) {
      if (pods.size >= allocatable.pods) return false
      if (cpu > 0 && cpu > allocatable.cpu - requested.cpu) return false
      if (memory > 0 && memory > allocatable.memory - requested.memory) return false
      if (storage > 0 && storage > allocatable.storage - requested.storage) return false
      for (const [name, amount] of others)
        if (amount > (allocatable.others.get(name) ?? 0) - (requested.others.get(name) ?? 0)) {
          if (!claimed.has(name) || allocatable.others.get(name)) return false
        }
      return true
    },
    why: (node) =>
      shortages(
        wanted.filter(([name]) => !claimed.has(name) || node.allocatable.others.get(name)),
        node,
      ),
  }
}

function shortages(wanted: readonly [string, number][], { allocatable, requested, pods }: NodeInfo): Rejection {
  const missing: Shortage[] = []
  const reasons: string[] = []
  if (pods.size >= allocatable.pods) {
    reasons.push('Too many pods')
    missing.push({ resource: 'pods', requested: 1, used: pods.size, capacity: allocatable.pods })
  }
  let unresolvable = false
  for (const [resource, amount] of wanted) {
    const capacity = amountOf(allocatable, resource)
    const used = amountOf(requested, resource)
    if (amount <= capacity - used) continue
    reasons.push(`Insufficient ${resource}`)
    missing.push({ resource, requested: amount, used, capacity })
    // More than the empty node has: no preemption would make room.
    if (amount > capacity) unresolvable = true
  }
  return { reasons, unresolvable, missing }
}

/** Room for every resource that the pod requests, and for one more pod; scored by the profile's strategy. */
export const nodeResourcesFit = (strategy: Strategy = leastAllocated()): Plugin => ({
  name: 'NodeResourcesFit',
  weight: 1,
  filter: ({ requests }, { surroundings }) =>
    fitsFor(requests, (name) => surroundings.classOfResource(name) !== undefined),
  score: (pod) => ({ score: strategy(pod) }),
  mayHelp(event, { requests }) {
    if (event.kind === 'pod gone') return true
    if (event.kind === 'pod changed') return takesLess(event.pod.requests, event.old.requests)
    if (!nodeBecame(event, 'allocatable')) return false
    const has = amountsOf(event.node.status?.allocatable as Record<string, string> | undefined)
    // What the node has none of may be devices, which another plug-in looks for.
    const enough = ([name, amount]: readonly [string, number]) =>
      amountOf(has, name) >= amount || (requests.others.has(name) && !has.others.has(name))
    if (!wantedBy(requests).every(enough)) return false
    if (event.kind === 'node added') return true
    // Less of what the pod asks for makes nothing fit.
    const had = amountsOf(event.old.status?.allocatable as Record<string, string> | undefined)
    return has.pods > had.pods || wantedBy(requests).some(([name]) => amountOf(has, name) > amountOf(had, name))
  },
})

const takesLess = (now: Amounts, before: Amounts): boolean =>
  wantedBy(before).some(([name, amount]) => amountOf(now, name) < amount)
