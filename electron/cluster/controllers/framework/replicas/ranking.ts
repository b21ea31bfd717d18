import { podCondition, type PodView } from '../support/pods.ts'

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'
const phases = ['Pending', 'Unknown', 'Running']

/** What decides, read once: each pod is compared a dozen times. */
interface Ranked {
  readonly pod: PodView
  readonly assigned: boolean
  readonly phase: number
  readonly ready: boolean
  readonly cost: number
  /** Active related pods on the same node: the more there are, the rather one of them goes. */
  readonly neighbours: number
  readonly readySince: number | undefined
  readonly restarts: number
  readonly created: number | undefined
}

/**
 * The pods to delete when `count` of them must go: first those whose loss costs least. `related` are the pods of all
 * replica sets of the same Deployment, so that what remains is spread over nodes.
 * Source: ActivePodsWithRanks, pkg/controller/controller_utils.go.
 */
export function podsToDelete(
  pods: readonly PodView[],
  related: readonly PodView[],
  count: number,
  now: number,
): readonly PodView[] {
  if (count >= pods.length) return pods
  const perNode = new Map<string, number>()
  for (const { spec, status } of related) {
    const node = spec?.nodeName
    if (node && status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
      perNode.set(node, (perNode.get(node) ?? 0) + 1)
  }
  return pods
    .map((pod) => ranked(pod, perNode.get(pod.spec?.nodeName ?? '') ?? 0))
    .sort((a, b) => compare(a, b, now))
    .slice(0, count)
    .map(({ pod }) => pod)
}

function ranked(pod: PodView, neighbours: number): Ranked {
  const condition = podCondition(pod, 'Ready')
  const ready = condition?.status === 'True'
  return {
    pod,
    assigned: Boolean(pod.spec?.nodeName),
    phase: phases.indexOf(pod.status?.phase ?? ''),
    ready,
    cost: costOf(pod),
    neighbours,
    readySince: ready ? time(condition.lastTransitionTime) : undefined,
    restarts: restarts(pod),
    created: time(pod.metadata?.creationTimestamp),
  }
}

/** Negative when `a` goes before `b`. */
function compare(a: Ranked, b: Ranked, now: number): number {
  return (
    Number(a.assigned) - Number(b.assigned) ||
    a.phase - b.phase ||
    Number(a.ready) - Number(b.ready) ||
    a.cost - b.cost ||
    b.neighbours - a.neighbours ||
    compareAges(a.readySince, b.readySince, a.pod, b.pod, now) ||
    b.restarts - a.restarts ||
    compareAges(a.created, b.created, a.pod, b.pod, now)
  )
}

/**
 * Younger before older, but ages of the same power of two are alike and then the uid decides, so that not always
 * the youngest node's pods go. What has no time counts as youngest.
 */
function compareAges(a: number | undefined, b: number | undefined, podA: PodView, podB: PodView, now: number): number {
  if (a === b) return 0
  if (a === undefined) return -1
  if (b === undefined) return 1
  return magnitude(now - a) - magnitude(now - b) || ((podA.metadata?.uid ?? '') < (podB.metadata?.uid ?? '') ? -1 : 1)
}

/** Power of two of an age in nanoseconds. */
const magnitude = (age: number): number => (age > 0 ? Math.trunc(Math.log2(age * 1e6)) : -1)

/** An invalid cost counts as none: the API server refuses it, and older ones did not. */
function costOf(pod: PodView): number {
  const text = pod.metadata?.annotations?.[deletionCost]
  return text !== undefined && /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0
}

const restarts = (pod: PodView): number =>
  Math.max(0, ...(pod.status?.containerStatuses ?? []).map((container) => container.restartCount))

const time = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text))
