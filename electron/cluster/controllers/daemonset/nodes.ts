import type { DaemonSet } from 'kubernetes-types/apps/v1'
import type { Node, PodSpec, Toleration } from 'kubernetes-types/core/v1'
import { fitsNode } from '#shared/kube/node-affinity.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { tolerates } from '#shared/kube/tolerations.ts'
import { equal } from '../framework/support/equality.ts'
import { notReady, unreachable } from '../framework/support/taints.ts'

export type SetView = Frozen<DaemonSet>
export type NodeView = Frozen<Node>
type TolerationView = Frozen<Toleration>

/** What a node is to a set: whether a pod of it is to start there, and whether one that runs there may stay. */
export interface Fitness {
  readonly run: boolean
  readonly stay: boolean
}

const unfit: Fitness = { run: false, stay: false }

/** Source: NodeShouldRunDaemonPod, pkg/controller/daemon/daemon_controller.go. */
export function fitnessOf(set: SetView): (node: NodeView) => Fitness {
  const spec: Frozen<PodSpec> = set.spec?.template.spec ?? { containers: [] }
  const tolerations = daemonTolerations(spec)
  const isTolerated = (taint: Parameters<typeof tolerates>[1]) => tolerations.some((one) => tolerates(one, taint))
  return (node) => {
    if (spec.nodeName && spec.nodeName !== node.metadata?.name) return unfit
    if (!fitsNode(spec, node)) return unfit
    const taints = node.spec?.taints?.filter((taint) => !isTolerated(taint)) ?? []
    const expelled = taints.some(({ effect }) => effect === 'NoExecute')
    return { run: !expelled && !taints.some(({ effect }) => effect === 'NoSchedule'), stay: !expelled }
  }
}

/** All of a node that its fitness depends on. */
export const sameForDaemons = (a: NodeView, b: NodeView): boolean =>
  equal(a.metadata?.labels, b.metadata?.labels) && equal(a.spec?.taints, b.spec?.taints)

const exists = (key: string, effect: string): TolerationView => ({ key, operator: 'Exists', effect })

/** A daemon serves its node whatever the state of the node is, so that it can tell of it, or mend it. */
const always = [
  exists(notReady, 'NoExecute'),
  exists(unreachable, 'NoExecute'),
  exists('node.kubernetes.io/disk-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/memory-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/pid-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/unschedulable', 'NoSchedule'),
]
const withoutPodNetwork = exists('node.kubernetes.io/network-unavailable', 'NoSchedule')

/** The pod's own tolerations and those of every daemon; an own one that is alike but for its time is replaced. */
export function daemonTolerations(spec: Frozen<PodSpec>): readonly TolerationView[] {
  const added = spec.hostNetwork ? [...always, withoutPodNetwork] : always
  const own = (spec.tolerations ?? []).map((one) => added.find((other) => isAlike(one, other)) ?? one)
  return [...own, ...added.filter((one) => !own.includes(one))]
}

const isAlike = (a: TolerationView, b: TolerationView): boolean =>
  a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? '') === (b.value ?? '')
