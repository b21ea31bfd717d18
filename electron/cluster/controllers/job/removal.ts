import { isPodReady, podCondition, type PodView } from '../framework/support/pods.ts'
import { validIndex } from './pods.ts'
import { isIndexed, type JobView } from './types.ts'

const phases = ['Pending', 'Unknown', 'Running']

/**
 * The active pods that must go: those that repeat an index or have none of the job's, and of the rest as many as make
 * up `atLeast`, those that have got least far first.
 */
export function podsToRemove(job: JobView, active: readonly PodView[], atLeast: number): readonly PodView[] {
  const [superfluous, rest] = isIndexed(job) ? splitByIndex(job, active) : [[], [...active]]
  const missing = atLeast - superfluous.length
  return missing > 0 ? [...superfluous, ...rest.sort(leastProgress).slice(0, missing)] : superfluous
}

function splitByIndex(job: JobView, active: readonly PodView[]): [superfluous: PodView[], rest: PodView[]] {
  const superfluous: PodView[] = []
  const byIndex = new Map<number, PodView[]>()
  for (const pod of active) {
    const index = validIndex(pod, job)
    if (index === undefined) superfluous.push(pod)
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod])
  }
  const rest: PodView[] = []
  for (const pods of byIndex.values()) {
    pods.sort(leastProgress)
    superfluous.push(...pods.slice(0, -1))
    rest.push(pods.at(-1)!)
  }
  return [superfluous, rest]
}

/** Negative when `a` goes before `b`. Source: ActivePods, pkg/controller/controller_utils.go. */
function leastProgress(a: PodView, b: PodView): number {
  return (
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    phases.indexOf(a.status?.phase ?? '') - phases.indexOf(b.status?.phase ?? '') ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    newerFirst(readySince(a), readySince(b)) ||
    restarts(b) - restarts(a) ||
    newerFirst(time(a.metadata?.creationTimestamp), time(b.metadata?.creationTimestamp))
  )
}

/** What has no time counts as newest. */
const newerFirst = (a: number | undefined, b: number | undefined): number =>
  a === b ? 0 : a === undefined ? -1 : b === undefined ? 1 : b - a

const readySince = (pod: PodView): number | undefined =>
  isPodReady(pod) ? time(podCondition(pod, 'Ready')?.lastTransitionTime) : undefined

const restarts = ({ status }: PodView): number =>
  Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount))

const time = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text))
