import type { NodeCondition } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, objectKey, patch, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { equal } from '../framework/support/equality.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'
import { drivesOff, taintsOf } from './taints.ts'
import type { NodeView } from './zones.ts'

type ConditionView = Frozen<NodeCondition>

export interface Observed {
  readonly node: NodeView
  /** When it was last heard of, in milliseconds since the epoch. */
  readonly heard: number
  /** Whether it ever reported a status. */
  readonly reported: boolean
  readonly pods: () => readonly PodView[]
  /** Whether no node at all is ready. */
  readonly allDown: () => boolean
  /** Takes this node's turn to have its pods driven off: 0, or milliseconds until it may be had. */
  readonly turn: () => number
}

/** Milliseconds without a sign of life after which a node is unknown: upstream's grace periods. */
export const grace = { running: 50_000, starting: 60_000 }

const monitored = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

export function reconcile(observed: Observed, now: number): Decision {
  const { node, heard, reported } = observed
  const silentAt = heard + (reported ? grace.running : grace.starting)
  const silent = now >= silentAt
  const before = node.status?.conditions ?? []
  const conditions = silent ? unknown(node, before, now) : before
  // Taints follow when the conditions are in the cache: both at once would conflict.
  if (!equal(conditions, before)) return { steps: fallSilent(observed, conditions, now) }
  const ready = findCondition(conditions, 'Ready')?.status === 'True'
  const wait = ready || observed.allDown() ? undefined : node.spec?.taints?.some(drivesOff) ? 0 : observed.turn()
  const taints = taintStep(node, wait, now)
  const next = Math.min(silent ? Infinity : silentAt - now, wait || Infinity)
  // Those that could not be marked when the node fell silent.
  const left = silent && !ready ? markPods(observed.pods(), now) : []
  return { steps: [...(taints ? [taints] : []), ...left], ...(Number.isFinite(next) ? { requeueAfter: next } : {}) }
}

function fallSilent({ node, pods: podsOf }: Observed, conditions: readonly ConditionView[], now: number): Step[] {
  const wasReady = findCondition(node.status?.conditions, 'Ready')?.status === 'True'
  const write = updateStatus(nodes, { ...node, status: { ...node.status, conditions } })
  if (!wasReady) return [write]
  const told = event(
    referenceTo(nodes, node),
    'Normal',
    'NodeNotReady',
    `Node ${node.metadata?.name} status is now: NodeNotReady`,
  )
  return [write, told, ...markPods(podsOf(), now)]
}

function unknown(node: NodeView, before: readonly ConditionView[], now: number): readonly ConditionView[] {
  const at = timestamp(now)
  const changed = before.map((condition) =>
    !monitored.includes(condition.type) || condition.status === 'Unknown'
      ? condition
      : {
          ...condition,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: at,
        },
  )
  const missing = monitored.filter((type) => !findCondition(before, type))
  return [
    ...changed,
    ...missing.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata?.creationTimestamp ?? at,
      lastTransitionTime: at,
    })),
  ]
}

/**
 * Pods of a silent node cannot say themselves that they serve no more: their endpoints must go. One after the other, as
 * upstream does: a server that is busy with the pods of many nodes would hear still less of the nodes that live.
 */
function markPods(running: readonly PodView[], now: number): Step[] {
  const affected = running.filter(isPodReady)
  if (!affected.length) return []
  const actions = affected.map((pod) => {
    const ready = { type: 'Ready', status: 'False', lastTransitionTime: timestamp(now) }
    const body = { metadata: { uid: pod.metadata?.uid }, status: { conditions: [ready] } }
    const more = { subresource: 'status', tolerate: (error: { code: number }) => error.code === 404 }
    return patch(pods, objectKey(pod as KubeObject), 'strategic', body, more)
  })
  return [
    ...affected.map((pod) => event(referenceTo(pods, pod), 'Warning', 'NodeNotReady', 'Node is not ready')),
    ...actions,
  ]
}

/** `wait`: milliseconds until pods may be driven off; undefined where they must not. */
function taintStep(node: NodeView, wait: number | undefined, now: number): Step | undefined {
  // A node that is tainted keeps its taint, or changes its key, without waiting; a further one waits for its turn.
  const evict = wait === undefined ? false : wait <= 0 ? true : undefined
  const taints = taintsOf(node, evict, now)
  if (equal(taints, node.spec?.taints)) return undefined
  // The list is one whole: the revision keeps a taint that somebody sets at the same time from being lost.
  const { resourceVersion } = node.metadata ?? {}
  const body = { metadata: { resourceVersion }, spec: { taints: taints.length ? taints : null } }
  return patch(nodes, objectKey(node as KubeObject), 'merge', body, { tolerate: (error) => error.code === 404 })
}
