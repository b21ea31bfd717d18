import type { FieldError } from '#shared/kube/status.ts'
import {
  asInvalid,
  duplicate,
  invalid,
  invalidUnshown,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../validation/field.ts'
import { isQualifiedName } from '../validation/names.ts'
import { nonNegative } from '../validation/numbers.ts'
import { countIndexes } from './indexes.ts'
import type { JobSpec } from './types.ts'

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const listed = (values: readonly string[]): string =>
  `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`

type FailureRule = NonNullable<NonNullable<JobSpec['podFailurePolicy']>['rules']>[number]

/** Source: validatePodFailurePolicy. */
export function validateFailurePolicy(spec: JobSpec, path: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? []
  const errors = rules.length > 20 ? [tooMany(`${path}.rules`, rules.length, 20)] : []
  const template = spec.template?.spec
  const names = new Set(
    [...(template?.initContainers ?? []), ...(template?.containers ?? [])].map(({ name }) => name ?? ''),
  )
  for (const [i, rule] of rules.entries()) {
    const at = `${path}.rules[${i}]`
    const { action = '', onExitCodes, onPodConditions = [] } = rule
    if (!action) errors.push(required(`${at}.action`, listed(actions)))
    else if (action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined)
        errors.push(invalid(`${at}.action`, action, 'requires the backoffLimitPerIndex to be set'))
    } else if (!actions.includes(action)) errors.push(notSupported(`${at}.action`, action, actions))
    if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, names, `${at}.onExitCodes`))
    if (onPodConditions.length > 20) errors.push(tooMany(`${at}.onPodConditions`, onPodConditions.length, 20))
    for (const [j, { type = '', status = '' }] of onPodConditions.entries()) {
      const field = `${at}.onPodConditions[${j}]`
      errors.push(...asInvalid(`${field}.type`, type, isQualifiedName(type)))
      const statuses = ['False', 'True', 'Unknown']
      if (!status) errors.push(required(`${field}.status`, listed(statuses)))
      else if (!statuses.includes(status)) errors.push(notSupported(`${field}.status`, status, statuses))
    }
    if (onExitCodes && onPodConditions.length) {
      errors.push(invalidUnshown(at, 'specifying both OnExitCodes and OnPodConditions is not supported'))
    }
    if (!onExitCodes && !onPodConditions.length) {
      errors.push(invalidUnshown(at, 'specifying one of OnExitCodes and OnPodConditions is required'))
    }
  }
  return errors
}

function validateExitCodes(
  codes: NonNullable<FailureRule['onExitCodes']>,
  names: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const { operator = '', containerName } = codes
  const values = codes.values ?? []
  const operators = ['In', 'NotIn']
  const errors: FieldError[] = []
  if (!operator) errors.push(required(`${path}.operator`, listed(operators)))
  else if (!operators.includes(operator)) errors.push(notSupported(`${path}.operator`, operator, operators))
  if (containerName !== undefined && !names.has(containerName)) {
    const text = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalid(`${path}.containerName`, containerName, text))
  }
  if (!values.length) errors.push(invalid(`${path}.values`, values, 'at least one value is required'))
  else if (values.length > 255) errors.push(tooMany(`${path}.values`, values.length, 255))
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0)
      errors.push(invalid(`${path}.values[${i}]`, value, 'must not be 0 for the In operator'))
    if (values.indexOf(value) < i) errors.push(duplicate(`${path}.values[${i}]`, value))
  }
  if (values.some((value, i) => i > 0 && value < values[i - 1]!))
    errors.push(invalid(`${path}.values`, values, 'must be ordered'))
  return errors
}

interface SuccessPolicy {
  rules?: { succeededIndexes?: string | undefined; succeededCount?: number | undefined }[] | undefined
}

const longestIndexes = 64 * 1024

/** Source: validateSuccessPolicy. */
export function validateSuccessPolicy(spec: JobSpec, path: string): FieldError[] {
  const policy = (spec as { successPolicy?: SuccessPolicy }).successPolicy
  if (!policy) return []
  if (spec.completionMode !== 'Indexed') return [invalid(path, policy, 'requires indexed completion mode')]
  const rules = policy.rules ?? []
  const errors: FieldError[] = []
  if (!rules.length)
    errors.push(required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified'))
  if (rules.length > 20) errors.push(tooMany(`${path}.rules`, rules.length, 20))
  const completions = spec.completions ?? 0
  for (const [i, { succeededIndexes: indexes, succeededCount: count }] of rules.entries()) {
    const at = `${path}.rules[${i}]`
    if (count === undefined && indexes === undefined)
      errors.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'))
    let named = 0
    if (indexes !== undefined) {
      if (Buffer.byteLength(indexes) > longestIndexes) errors.push(tooLong(`${at}.succeededIndexes`, longestIndexes))
      const read = countIndexes(indexes, completions)
      if (typeof read === 'number') named = read
      else errors.push(invalid(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${read}`))
    }
    if (count === undefined) continue
    const field = `${at}.succeededCount`
    const above = (most: number, what: string) =>
      count > most ? [invalid(field, count, `must be less than or equal to ${most} (${what})`)] : []
    errors.push(...nonNegative(count, field), ...above(completions, 'the number of specified completions'))
    if (indexes !== undefined)
      errors.push(...above(named, 'the number of indexes in the specified succeededIndexes field'))
  }
  return errors
}
