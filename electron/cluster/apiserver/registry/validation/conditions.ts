import type * as v1 from 'kubernetes-types/meta/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { regexError } from '#shared/kube/names.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, duplicate, invalid, notSupported, required, tooLong } from './field.ts'
import { validateLabelName } from './labels.ts'

/** metav1.Condition, as clients write it. */
export type WrittenCondition = Loose<v1.Condition>

const reasonFormat = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?'
const reasonProblem = regexError(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonFormat,
  'my_name',
  'MY_NAME',
  'MyName',
  'ReasonA,ReasonB',
  'ReasonA:ReasonB',
)
const isReason = new RegExp(`^${reasonFormat}$`)

/** Source: ValidateConditions in apimachinery/pkg/apis/meta/v1/validation. */
export function validateConditions(conditions: readonly WrittenCondition[], path: string): FieldError[] {
  return conditions.flatMap((condition, i) => {
    const at = `${path}[${i}]`
    const { type } = condition
    const isSecond = conditions.findIndex((other) => other.type === type) < i
    return [...(isSecond ? [duplicate(`${at}.type`, type)] : []), ...validateCondition(condition, at)]
  })
}

function validateCondition(condition: WrittenCondition, at: string): FieldError[] {
  const { type = '', status = '', observedGeneration = 0, lastTransitionTime, reason = '', message = '' } = condition
  const errors = type ? validateLabelName(type, `${at}.type`) : [required(`${at}.type`)]
  if (!['True', 'False', 'Unknown'].includes(status))
    errors.push(notSupported(`${at}.status`, status, ['False', 'True', 'Unknown']))
  if (observedGeneration < 0)
    errors.push(invalid(`${at}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'))
  if (!lastTransitionTime) errors.push(required(`${at}.lastTransitionTime`))
  if (!reason) errors.push(required(`${at}.reason`))
  else {
    errors.push(...asInvalid(`${at}.reason`, reason, isReason.test(reason) ? [] : [reasonProblem]))
    if (reason.length > 1024) errors.push(tooLong(`${at}.reason`, 1024))
  }
  if (message.length > 32 * 1024) errors.push(tooLong(`${at}.message`, 32 * 1024))
  return errors
}
