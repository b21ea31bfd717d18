import { countCommon, countIndexes, parseIndexes, type Intervals } from './indexes.ts'
import { specOf, type JobView } from './types.ts'

/** Which rule of the success policy is met, in the words of the condition. */
export function metSuccessRule(job: JobView, succeeded: Intervals): string | undefined {
  const { successPolicy, completions = 0 } = specOf(job)
  if (!succeeded.length) return undefined
  const met = (successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && countIndexes(succeeded) >= succeededCount
    const required = parseIndexes(succeededIndexes, completions)
    if (!required.length) return false
    const common = countCommon(required, succeeded)
    return common === countIndexes(required) || (succeededCount !== undefined && common >= succeededCount)
  })
  return met < 0 ? undefined : `Matched rules at index ${met}`
}
