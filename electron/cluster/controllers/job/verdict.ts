import type { PodView } from '../framework/support/pods.ts'
import type { Census } from './census.ts'
import { newCondition, trueCondition } from './conditions.ts'
import { judge } from './failure-policy.ts'
import { countIndexes } from './indexes.ts'
import { isPodFailed } from './pods.ts'
import { metSuccessRule } from './success-policy.ts'
import { isSuspended, specOf, type Condition, type JobView } from './types.ts'

/** Why the job ends now, or has begun to end: a condition of type SuccessCriteriaMet, FailureTarget or Failed. */
export function verdictOf(census: Census, now: number): Condition | undefined {
  const { job } = census
  const succeeded = trueCondition(job, 'SuccessCriteriaMet')
  if (succeeded) return succeeded
  const failing = trueCondition(job, 'FailureTarget')
  if (failing) return newCondition('Failed', failing, now)
  const failed = failure(census, now)
  if (failed) return newCondition('FailureTarget', failed, now)
  const message = census.indexes && metSuccessRule(job, census.indexes.succeeded)
  return message === undefined
    ? undefined
    : newCondition('SuccessCriteriaMet', { reason: 'SuccessPolicy', message }, now)
}

function failure(census: Census, now: number): { reason: string; message: string } | undefined {
  const { job, pods, failed } = census
  const { backoffLimit = 6 } = specOf(job)
  for (const pod of job.spec?.podFailurePolicy ? pods : []) {
    const message = isPodFailed(pod, job) ? judge(job, pod).failsJob : undefined
    if (message !== undefined) return { reason: 'PodFailurePolicy', message }
  }
  if (failed > backoffLimit || restartsExceed(job, pods))
    return { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
  const left = deadlineIn(job, now)
  if (left !== undefined && left <= 0)
    return { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  return indexFailure(census)
}

function indexFailure({ job, indexes }: Census): { reason: string; message: string } | undefined {
  if (!indexes?.failed) return undefined
  const { completions = 0, maxFailedIndexes } = specOf(job)
  const count = countIndexes(indexes.failed)
  if (maxFailedIndexes !== undefined && count > maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes'
    return { reason: 'MaxFailedIndexesExceeded', message }
  }
  return count > 0 && count + countIndexes(indexes.succeeded) >= completions
    ? { reason: 'FailedIndexes', message: 'Job has failed indexes' }
    : undefined
}

/** Pods that restart in place never fail: the restarts of their containers count instead. */
function restartsExceed(job: JobView, pods: readonly PodView[]): boolean {
  const { template, backoffLimit = 6 } = specOf(job)
  if (template.spec?.restartPolicy !== 'OnFailure') return false
  let restarts = 0
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue
    for (const each of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
      restarts += each.restartCount
  }
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit
}

/** Milliseconds until the job has been active for too long. One that has not begun yet begins now. */
export function deadlineIn(job: JobView, now: number): number | undefined {
  const { activeDeadlineSeconds } = specOf(job)
  const { startTime } = job.status ?? {}
  if (activeDeadlineSeconds === undefined || isSuspended(job)) return undefined
  return (startTime === undefined ? now : Date.parse(startTime)) + Number(activeDeadlineSeconds) * 1000 - now
}
