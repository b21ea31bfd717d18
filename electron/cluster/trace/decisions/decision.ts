import type { Node, Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { apiVersionOf } from '#shared/kube/resources.ts'
import { untolerated } from '#shared/kube/tolerations.ts'
import { schedulingDecisions, type RejectedNodes, type SchedulingDecision } from '#shared/kube/trace.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { NodeReport } from '../../scheduler/board.ts'
import type { Answer, PendingAnswer, PlacedAnswer } from '../../scheduler/decisions.ts'
import type { Wait } from '../../scheduler/queue.ts'
import { groupNodes, type DetailOf, type Group } from './groups.ts'
import { describeGroups } from './sentences.ts'
import { eventsThatWake } from './wake-ups.ts'

export interface Known {
  readonly pod: Frozen<Pod>
  readonly answer: Answer | undefined
  readonly waiting: Wait | undefined
  /** Whether the scheduler answers to the name that the pod asks for. */
  readonly ours: boolean
  nodeOf(name: string): Frozen<Node> | undefined
  readonly clock: Clock
}

type Found = Omit<SchedulingDecision, 'apiVersion' | 'kind' | 'metadata' | 'podUID' | 'scheduler' | 'retry'>

/** What is known of a pod's place as an object of the API. */
export function decisionOf(known: Known): SchedulingDecision {
  const { pod, waiting, answer, clock } = known
  const { name = '', namespace = '', uid = '', labels, creationTimestamp } = pod.metadata ?? {}
  return {
    apiVersion: apiVersionOf(schedulingDecisions),
    kind: schedulingDecisions.kind,
    metadata: {
      name,
      namespace,
      uid,
      creationTimestamp: (creationTimestamp as string | undefined) ?? timestamp(clock.now()),
      ...(labels ? { labels: { ...labels } } : {}),
    },
    podUID: uid,
    scheduler: pod.spec?.schedulerName ?? '',
    ...find(known),
    ...(answer ? { decidedAt: timestamp(answer.at) } : {}),
    ...(waiting ? { retry: retryOf(waiting, clock) } : {}),
  }
}

function find({ pod, answer, waiting, ours, nodeOf }: Known): Found {
  if (answer && 'node' in answer) return placed(answer)
  const gates = (pod.spec as { schedulingGates?: readonly { name: string }[] } | undefined)?.schedulingGates ?? []
  if (gates.length) {
    const names = gates.map(({ name }) => name).join(', ')
    return { result: 'Gated', summary: `Held back by its scheduling gates: ${names}.` }
  }
  if (!ours) {
    const name = JSON.stringify(pod.spec?.schedulerName ?? '')
    return { result: 'Foreign', summary: `Left to the scheduler ${name}, which is none of this cluster's own.` }
  }
  if (waiting?.gate) return { result: 'Gated', summary: `Held back: ${waiting.gate}.` }
  if (answer) return pending(answer, groupsOf(pod, answer, nodeOf), pod.metadata?.namespace ?? '')
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  const { reason, message = '' } = condition ?? {}
  if (reason === 'SchedulerError') return { result: 'Failed', summary: `The attempt failed: ${message}`, message }
  if (reason !== 'Unschedulable') return { result: 'Waiting', summary: 'Not tried yet.' }
  return { result: 'Unschedulable', summary: message, message }
}

function placed({ node, scores, fitting, examined }: PlacedAnswer): Found {
  const [first, next] = scores
  const why =
    first && next
      ? `the best of ${fitting} that fit: score ${first.total}, ${next.total === first.total ? 'as good as' : 'before'} ${next.node} with ${next.total}`
      : examined === 0
        ? 'it had been cleared for the pod'
        : examined === 1
          ? 'the only one to choose from'
          : `the only one that fits, of ${examined} looked at`
  return {
    result: 'Placed',
    summary: `On ${node}: ${why}.`,
    node,
    nodes: { examined, fitting },
    ...(scores.length
      ? {
          scores: scores.map(({ node: name, total, plugins }) => ({
            node: name,
            total,
            plugins: Object.entries(plugins).map(([plugin, score]) => ({ name: plugin, score })),
          })),
        }
      : {}),
  }
}

function pending(answer: PendingAnswer, groups: readonly Group[], namespace: string): Found {
  const { message, all, nodes, restrictedBy, refusal, preemption } = answer
  const { result, tried, node, victims = [] } = preemption
  // Who may see this pod may not know what others there are elsewhere.
  const named = victims.filter((victim) => victim.startsWith(`${namespace}/`))
  const unseen = refusal ? 0 : all - nodes.length
  const excluded: RejectedNodes = {
    count: unseen,
    plugins: restrictedBy.map((name) => ({ name, reasons: ['the pod names other nodes'] })),
    nodes: [],
    evictionHelps: false,
  }
  const rejections = groups.map(({ lacks: _lacks, ...group }): RejectedNodes => group)
  return {
    result: node ? 'Nominated' : 'Unschedulable',
    summary: summaryOf(answer, groups, unseen),
    message,
    ...(node ? { node } : {}),
    nodes: { total: all, examined: nodes.length, fitting: 0 },
    ...(rejections.length || unseen ? { rejections: [...rejections, ...(unseen ? [excluded] : [])] } : {}),
    preemption: {
      result,
      ...(tried ? { message: tried } : {}),
      ...(node ? { node } : {}),
      ...(named.length ? { victims: named } : {}),
    },
  }
}

function summaryOf({ all, refusal, preemption }: PendingAnswer, groups: readonly Group[], unseen: number): string {
  if (all === 0) return 'The cluster has no nodes.'
  if (refusal) return `No node fits: ${refusal.reason}.`
  const reasons = [describeGroups(groups), ...(unseen ? [`${unseen} not asked for by the pod`] : [])].filter(Boolean)
  const { node, victims = [] } = preemption
  const makingRoom = node
    ? ` ${victims.length === 1 ? '1 pod is' : `${victims.length} pods are`} being evicted from ${node} for it.`
    : ''
  return `No node fits: ${reasons.join(', ')}.${makingRoom}`
}

const states = {
  active: 'Active',
  popped: 'Active',
  'back-off': 'Backoff',
  unschedulable: 'Waiting',
  gated: 'Gated',
} as const

function retryOf(
  { where, attempts, readyIn, plugins, gate }: Wait,
  clock: Clock,
): NonNullable<SchedulingDecision['retry']> {
  return {
    state: states[where],
    attempts,
    ...(readyIn > 0 ? { after: timestamp(clock.now() + readyIn) } : {}),
    ...(where === 'unschedulable' || gate !== undefined
      ? { wakes: [...plugins].map((plugin) => ({ plugin, events: eventsThatWake(plugin) })) }
      : {}),
  }
}

/** Pods that share a report ask for the same: 10,000 of them cost one look at 5,000 nodes. */
const grouped = new WeakMap<readonly NodeReport[], Group[]>()

function groupsOf(pod: Frozen<Pod>, { nodes }: PendingAnswer, nodeOf: Known['nodeOf']): Group[] {
  let groups = grouped.get(nodes)
  if (!groups) grouped.set(nodes, (groups = groupNodes(nodes, detailsFor(pod, nodeOf))))
  return groups
}

/** As nodes are now: which taint, which selector. */
function detailsFor({ spec }: Frozen<Pod>, nodeOf: Known['nodeOf']): DetailOf {
  const selector = Object.entries(spec?.nodeSelector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return (plugin, name) => {
    if (plugin === 'NodeAffinity') return selector || undefined
    if (plugin !== 'TaintToleration') return undefined
    const taints = (nodeOf(name)?.spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule')
    const taint = untolerated(taints, spec?.tolerations ?? [])
    return taint && `${taint.key}${taint.value ? `=${taint.value}` : ''}:${taint.effect}`
  }
}
