import { parseFieldSelector, type FieldRequirement } from '#shared/kube/field-selectors.ts'
import { parseSelector, SelectorError, type Requirement } from '#shared/kube/selectors.ts'
import type { FieldError } from '#shared/kube/status.ts'
import type { AccessAttributes } from '../kind.ts'
import { invalid, notSupported, required } from '../validation/field.ts'

/** FieldSelectorAttributes and LabelSelectorAttributes of a SubjectAccessReview. */
export interface SelectorAttributes {
  rawSelector?: string
  requirements?: { key?: string; operator?: string; values?: string[] }[]
}

interface Selectors {
  fieldSelector?: SelectorAttributes
  labelSelector?: SelectorAttributes
}

type Operator = Requirement['operator']
const operators: Readonly<Record<string, Operator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' }

/** What can be understood of the selectors narrows the question; what cannot leaves it wider. */
export function selectorsOf(asked: Selectors | undefined): Pick<AccessAttributes, 'fieldSelector' | 'labelSelector'> {
  const fields = asked?.fieldSelector && fieldsOf(asked.fieldSelector)
  const labels = asked?.labelSelector && labelsOf(asked.labelSelector)
  return { ...(fields?.length ? { fieldSelector: fields } : {}), ...(labels?.length ? { labelSelector: labels } : {}) }
}

function fieldsOf({ rawSelector, requirements }: SelectorAttributes): FieldRequirement[] {
  if (rawSelector) return [...readable(() => parseFieldSelector(rawSelector))]
  return (requirements ?? []).flatMap(({ key = '', operator, values = [] }) =>
    values.length === 1 && (operator === 'In' || operator === 'NotIn')
      ? [{ field: key, equals: operator === 'In', value: values[0]! }]
      : [],
  )
}

function labelsOf({ rawSelector, requirements }: SelectorAttributes): Requirement[] {
  if (rawSelector) return [...readable(() => parseSelector(rawSelector))]
  return (requirements ?? []).flatMap(({ key = '', operator = '', values = [] }) => {
    const known = operators[operator]
    return known ? [{ key, operator: known, values }] : []
  })
}

function readable<T>(parse: () => readonly T[]): readonly T[] {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SelectorError) return []
    throw error
  }
}

/** Source: pkg/apis/authorization/validation. */
export function selectorProblems(asked: Selectors, path: string): FieldError[] {
  return (['fieldSelector', 'labelSelector'] as const).flatMap((name) => {
    const selector = asked[name]
    return selector ? problemsOf(selector, `${path}.${name}`) : []
  })
}

function problemsOf({ rawSelector, requirements }: SelectorAttributes, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (rawSelector && requirements?.length)
    errors.push(invalid(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'))
  if (!rawSelector && !requirements?.length)
    errors.push(
      required(
        `${path}.requirements`,
        'when ' + path.split('.').at(-1)! + ' is specified, requirements or rawSelector is required',
      ),
    )
  for (const [i, { key, operator = '', values = [] }] of (requirements ?? []).entries()) {
    const at = `${path}.requirements[${i}]`
    if (!key) errors.push(required(`${at}.key`, 'must be specified'))
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length)
        errors.push(
          invalid(`${at}.values`, values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        )
    } else errors.push(notSupported(`${at}.operator`, operator, Object.keys(operators).sort()))
  }
  return errors
}
