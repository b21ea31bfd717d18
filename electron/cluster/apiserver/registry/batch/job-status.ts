import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { duplicate, invalid, invalidUnshown, required } from '../validation/field.ts'
import { nonNegative } from '../validation/numbers.ts'
import { countIndexes, overlapOf } from './indexes.ts'
import type { Job } from './types.ts'

type Status = NonNullable<Job['status']>
const counts = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const

const has = ({ status }: Job, type: string): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True')
const isFinished = (job: Job): boolean => has(job, 'Complete') || has(job, 'Failed')
const conflict = (text: string): FieldError => invalidUnshown('status.conditions', text)

/**
 * Most rules bind only those who change what they are about, so that a job that broke one long ago can still be
 * written. Source: ValidateJobUpdateStatus and getStatusValidationOptions.
 */
export function validateJobStatus(job: Job, old: Job): FieldError[] {
  return [
    ...counts.flatMap((name) => nonNegative(job.status?.[name], `status.${name}`)),
    ...validateUncounted(job.status?.uncountedTerminatedPods),
    ...validateEnd(job, old),
    ...validateIndexes(job, old),
    ...validateRest(job, old),
    ...validateChange(job, old),
  ]
}

function validateUncounted(uncounted: Status['uncountedTerminatedPods']): FieldError[] {
  const seen = new Set<string>()
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (uncounted?.[list] ?? []).flatMap((uid, i) => {
      const path = `status.uncountedTerminatedPods.${list}[${i}]`
      if (!uid) return [invalid(path, uid, 'must not be empty')]
      if (seen.has(uid)) return [duplicate(path, uid)]
      seen.add(uid)
      return []
    }),
  )
}

/** What did something of a job differ in. */
const differs =
  (job: Job, old: Job) =>
  (...names: (keyof Status)[]): boolean =>
    names.some((name) => !semanticEqual(job.status?.[name], old.status?.[name]))
const turned =
  (job: Job, old: Job) =>
  (...types: string[]): boolean =>
    types.some((type) => has(job, type) !== has(old, type))

/** A job that is over says when, and has nothing left that runs or is to be counted. */
function validateEnd(job: Job, old: Job): FieldError[] {
  const { completionTime, startTime, active = 0, uncountedTerminatedPods: uncounted } = job.status ?? {}
  const [changed, flipped] = [differs(job, old), turned(job, old)]
  const [complete, failed, finished] = [has(job, 'Complete'), has(job, 'Failed'), isFinished(job)]
  const errors: FieldError[] = []
  const ended = finished !== isFinished(old)
  if (flipped('Complete', 'Failed') && complete && failed)
    errors.push(conflict('cannot set Complete=True and Failed=true conditions'))
  if (flipped('Complete', 'FailureTarget') && complete && has(job, 'FailureTarget'))
    errors.push(conflict('cannot set Complete=True and FailureTarget=true conditions'))
  if (flipped('Complete') || changed('completionTime')) {
    const path = 'status.completionTime'
    if (completionTime && !complete)
      errors.push(invalid(path, completionTime, 'cannot set completionTime when there is no Complete=True condition'))
    if (!completionTime && complete) errors.push(required(path, 'completionTime is required for Complete jobs'))
  }
  if (changed('startTime', 'completionTime') && completionTime && startTime) {
    if (Date.parse(completionTime) < Date.parse(startTime))
      errors.push(invalid('status.completionTime', completionTime, 'completionTime cannot be set before startTime'))
  }
  if (flipped('Failed', 'FailureTarget') && failed && !has(job, 'FailureTarget'))
    errors.push(conflict('cannot set Failed=True condition without the FailureTarget=true condition'))
  if (flipped('Complete', 'SuccessCriteriaMet') && complete && !has(job, 'SuccessCriteriaMet'))
    errors.push(conflict('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'))
  if (!finished) return errors
  if ((ended || changed('active')) && active > 0)
    errors.push(invalid('status.active', active, 'active>0 is invalid for finished job'))
  if ((ended || changed('startTime')) && !startTime)
    errors.push(required('status.startTime', 'startTime is required for finished job'))
  if ((ended || changed('uncountedTerminatedPods')) && (uncounted?.failed?.length || uncounted?.succeeded?.length)) {
    const text = 'uncountedTerminatedPods needs to be empty for finished job'
    errors.push(invalid('status.uncountedTerminatedPods', uncounted, text))
  }
  return errors
}

function validateIndexes(job: Job, old: Job): FieldError[] {
  const { completions, backoffLimitPerIndex, completionMode } = job.spec ?? {}
  const { completedIndexes: completed = '', failedIndexes: failed } = job.status ?? {}
  const changed = differs(job, old)
  const [newCompleted, newFailed] = [changed('completedIndexes'), changed('failedIndexes')]
  const errors: FieldError[] = []
  const check = (name: string, text: string) => {
    const problem = countIndexes(text, completions ?? 0)
    if (typeof problem === 'string') errors.push(invalid(`status.${name}`, text, `error parsing ${name}: ${problem}`))
  }
  if (newCompleted && completions !== undefined) check('completedIndexes', completed)
  if (newFailed && completions !== undefined && backoffLimitPerIndex !== undefined && failed !== undefined)
    check('failedIndexes', failed)
  if (newCompleted && completed && completionMode !== 'Indexed') {
    const text = 'cannot set non-empty completedIndexes when non-indexed completion mode'
    errors.push(invalid('status.completedIndexes', completed, text))
  }
  if (newFailed && failed !== undefined && backoffLimitPerIndex === undefined) {
    const text = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'
    errors.push(invalid('status.failedIndexes', failed, text))
  }
  if ((newCompleted || newFailed) && completions !== undefined && failed !== undefined) {
    const both = overlapOf(completed, failed, completions)
    const text = `failedIndexes and completedIndexes overlap at index: ${both}`
    if (both !== undefined) errors.push(invalid('status.failedIndexes', failed, text))
  }
  return errors
}

function validateRest(job: Job, old: Job): FieldError[] {
  const { terminating = 0, ready = 0, active = 0 } = job.status ?? {}
  const changed = differs(job, old)
  const errors: FieldError[] = []
  if ((isFinished(job) !== isFinished(old) || changed('terminating')) && isFinished(job) && terminating > 0)
    errors.push(invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'))
  if (changed('ready', 'active') && ready > active)
    errors.push(invalid('status.ready', ready, 'cannot set more ready pods than active'))
  if (has(job, 'SuccessCriteriaMet')) {
    for (const type of ['Failed', 'FailureTarget'])
      if (has(job, type)) errors.push(conflict(`cannot set SuccessCriteriaMet=True and ${type}=true conditions`))
  } else if ((job.spec as { successPolicy?: unknown } | undefined)?.successPolicy && has(job, 'Complete')) {
    errors.push(conflict('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'))
  }
  return errors
}

/** What was once true of a job's end stays so, and counts only grow. */
function validateChange(job: Job, old: Job): FieldError[] {
  const [now, before] = [job.status ?? {}, old.status ?? {}]
  const { completionMode, completions, parallelism, suspend } = job.spec ?? {}
  const errors: FieldError[] = []
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (has(old, type) && !has(job, type)) errors.push(conflict(`cannot disable the terminal ${type}=True condition`))
  // An indexed job that is scaled in step with its parallelism may shrink.
  const shrinks = completionMode === 'Indexed' && completions === parallelism
  for (const name of ['failed', 'succeeded'] as const) {
    const count = now[name] ?? 0
    if (count < (before[name] ?? 0) && !(shrinks && name === 'succeeded'))
      errors.push(invalid(`status.${name}`, count, `cannot decrease the ${name} counter`))
  }
  const changed = differs(job, old)
  if (now.completionTime && before.completionTime && changed('completionTime'))
    errors.push(invalid('status.completionTime', now.completionTime, 'completionTime cannot be mutated'))
  // A job that is resumed starts anew.
  if (before.startTime && changed('startTime') && !suspend && !has(old, 'Suspended'))
    errors.push(required('status.startTime', 'startTime cannot be removed for unsuspended job'))
  const [met, wasMet] = [has(job, 'SuccessCriteriaMet'), has(old, 'SuccessCriteriaMet')]
  if (wasMet && !met) errors.push(conflict('cannot disable the SuccessCriteriaMet=True condition'))
  if (has(old, 'Complete') && !wasMet && met)
    errors.push(conflict('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'))
  return errors
}
