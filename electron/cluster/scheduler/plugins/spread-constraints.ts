import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1'
import { fitsNode } from '#shared/kube/node-affinity.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { matches, selectorOf, type Selector } from '#shared/kube/selectors.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import { withLabelKeys } from '../pod-terms.ts'
import { untolerated } from '#shared/kube/tolerations.ts'

export const hostname = 'kubernetes.io/hostname'

/** A constraint, parsed once, with upstream's defaults. */
export interface Constraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selector: Selector
  /** Nodes that the pod's affinity rules out, or whose taints it does not tolerate, are no domains of it. */
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

type Action = 'DoNotSchedule' | 'ScheduleAnyway'

/** What the system asks of pods that ask for nothing themselves: spread a little over nodes and zones. */
const systemDefaults = [
  { topologyKey: hostname, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
]

const parse = (constraint: Frozen<TopologySpreadConstraint>, { labels }: PodInfo): Constraint => ({
  topologyKey: constraint.topologyKey,
  maxSkew: constraint.maxSkew,
  minDomains: constraint.minDomains ?? 1,
  selector: withLabelKeys(selectorOf(constraint.labelSelector), labels, constraint.matchLabelKeys),
  honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
  honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
})

export function constraintsOf(pod: PodInfo, state: ClusterState, action: Action): readonly Constraint[] {
  const own = pod.pod.spec?.topologySpreadConstraints
  if (own?.length)
    return own.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action).map((one) => parse(one, pod))
  if (action === 'DoNotSchedule') return []
  const selector = defaultSelector(pod, state)
  if (!selector.length) return []
  return systemDefaults.map((constraint) => ({
    ...constraint,
    selector,
    minDomains: 1,
    honorsAffinity: true,
    honorsTaints: false,
  }))
}

/** The pods that a pod is one of: those of its Services and of the controller that owns it, together. */
function defaultSelector({ pod, namespace, labels }: PodInfo, { surroundings }: ClusterState): Selector {
  const services = surroundings.services(namespace).filter((selector) => selector.length && matches(selector, labels))
  const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller)
  const owned = owner && surroundings.ownerSelector(namespace, owner.kind, owner.name)
  return [...services.flat(), ...(owned ?? [])]
}

/** Whether a node belongs to a domain of the constraint, as far as its policies go. */
export function includes(constraint: Constraint, { pod }: PodInfo, node: NodeInfo): boolean {
  if (constraint.honorsAffinity && !fitsNode(pod.spec ?? {}, node.node)) return false
  return !constraint.honorsTaints || !untolerated(node.taints, pod.spec?.tolerations ?? [])
}

export const hasAllKeys = (constraints: readonly Constraint[], { labels }: NodeInfo): boolean =>
  constraints.every(({ topologyKey }) => labels[topologyKey] !== undefined)
