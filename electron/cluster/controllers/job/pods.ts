import { isPodActive, isPodTerminating, type PodView } from '../framework/support/pods.ts'
import { replacesFailedOnly, type JobView } from './types.ts'

/** On a pod until its job has counted it. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
export const indexKey = 'batch.kubernetes.io/job-completion-index'
/** How often pods of the index have failed before this one. */
export const failureCountKey = 'batch.kubernetes.io/job-index-failure-count'
export const ignoredFailureCountKey = 'batch.kubernetes.io/job-index-ignored-failure-count'

export const isTracked = (pod: PodView): boolean => pod.metadata?.finalizers?.includes(trackingFinalizer) ?? false

export const uidOf = (pod: PodView): string => pod.metadata?.uid ?? ''

export function completionIndex(pod: PodView): number | undefined {
  const text = pod.metadata?.annotations?.[indexKey]
  return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined
}

/** The index, where it is one of the job's. */
export function validIndex(pod: PodView, job: JobView): number | undefined {
  const index = completionIndex(pod)
  return index !== undefined && index < (job.spec?.completions ?? 0) ? index : undefined
}

/** Deleted pods count as failed, so that those whose node is gone do: unless failing is what is waited for. */
export const isPodFailed = (pod: PodView, job: JobView): boolean =>
  pod.status?.phase === 'Failed' ||
  (!replacesFailedOnly(job) && pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded')

const largestCount = 0x7fff_ffff

/** People may write anything there: what is no count is none. */
function countIn(pod: PodView, key: string): number {
  const text = pod.metadata?.annotations?.[key] ?? ''
  const count = /^\+?\d+$/.test(text) ? Number(text) : 0
  return count <= largestCount ? count : 0
}

export const failureCount = (pod: PodView): number => countIn(pod, failureCountKey)
export const ignoredFailureCount = (pod: PodView): number => countIn(pod, ignoredFailureCountKey)

export const indexesOf = (pods: readonly PodView[]): number[] => pods.flatMap((pod) => completionIndex(pod) ?? [])

export const activePods = (pods: readonly PodView[]): PodView[] => pods.filter(isPodActive)
export const terminatingPods = (pods: readonly PodView[]): PodView[] => pods.filter(isPodTerminating)
