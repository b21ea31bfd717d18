import type { Job } from 'kubernetes-types/batch/v1'
import type { Frozen } from '#shared/kube/object.ts'

export type JobView = Frozen<Job>

/** How a job ended: the type of its condition. */
export const endOf = (job: JobView): 'Complete' | 'Failed' | undefined =>
  job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')
    ?.type as 'Complete' | 'Failed' | undefined

/** Of jobs that ended, the oldest that are more than the history keeps. */
export function beyondHistory(
  jobs: readonly JobView[],
  limits: { readonly successful: number | undefined; readonly failed: number | undefined },
): JobView[] {
  const excess = (end: 'Complete' | 'Failed', limit: number | undefined) => {
    const ended = jobs.filter((job) => endOf(job) === end).sort(byStart)
    return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit))
  }
  return [...excess('Complete', limits.successful), ...excess('Failed', limits.failed)]
}

/** Those that never started come last. */
function byStart(a: JobView, b: JobView): number {
  const [start, other] = [a.status?.startTime, b.status?.startTime].map((text) => (text ? Date.parse(text) : Infinity))
  if (start !== other) return start! < other! ? -1 : 1
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1
}
