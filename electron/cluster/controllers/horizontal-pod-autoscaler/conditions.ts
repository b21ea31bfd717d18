import { timestamp } from '../../base/clock.ts'
import type { Condition } from './types.ts'

type Type = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited'
type Change = Pick<Condition, 'reason' | 'message'> & { readonly type: Type; readonly status: boolean }

/** A condition keeps its place in the list, and its time while its status stays. Source: setConditionInList. */
export function withCondition(conditions: readonly Condition[], change: Change, now: number): readonly Condition[] {
  const { type, reason, message } = change
  const status = change.status ? 'True' : 'False'
  const before = conditions.find((each) => each.type === type)
  const isTurned = before?.status !== status
  const lastTransitionTime = isTurned ? timestamp(now) : before?.lastTransitionTime
  const condition = {
    type,
    status,
    ...(lastTransitionTime ? { lastTransitionTime } : {}),
    reason,
    message,
  } as Condition
  return before ? conditions.map((each) => (each === before ? condition : each)) : [...conditions, condition]
}

/** Conditions, set one after another. */
export interface Conditions {
  readonly list: readonly Condition[]
  set(type: Type, status: boolean, reason: string, message: string): Conditions
}

export const conditionsOf = (list: readonly Condition[], now: number): Conditions => ({
  list,
  set: (type, status, reason, message) =>
    conditionsOf(withCondition(list, { type, status, reason, message }, now), now),
})
