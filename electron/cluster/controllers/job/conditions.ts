import { timestamp } from '../../base/clock.ts'
import { findCondition } from '../framework/support/conditions.ts'
import type { Condition, JobView } from './types.ts'

export type ConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended'

export const newCondition = (
  type: ConditionType,
  { status = 'True', reason, message }: { status?: string; reason?: string | undefined; message?: string | undefined },
  now: number,
): Condition => ({
  type,
  status,
  lastProbeTime: timestamp(now),
  lastTransitionTime: timestamp(now),
  ...(reason ? { reason } : {}),
  ...(message ? { message } : {}),
})

/** Replaces the condition in its place when anything but its times differs; adds it unless it would be false. */
export function ensureCondition(conditions: readonly Condition[], next: Condition): readonly Condition[] {
  const current = findCondition(conditions, next.type)
  if (!current) return next.status === 'False' ? conditions : [...conditions, next]
  const same = current.status === next.status && current.reason === next.reason && current.message === next.message
  return same ? conditions : conditions.map((each) => (each === current ? next : each))
}

export const trueCondition = (job: JobView, type: ConditionType): Condition | undefined => {
  const condition = findCondition(job.status?.conditions, type)
  return condition?.status === 'True' ? condition : undefined
}

/** Complete or failed, for ever. */
export const isFinished = (job: JobView): boolean =>
  trueCondition(job, 'Complete') !== undefined || trueCondition(job, 'Failed') !== undefined
