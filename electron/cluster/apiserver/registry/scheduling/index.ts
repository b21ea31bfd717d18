import type * as v1 from 'kubernetes-types/scheduling/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { bumpGeneration, kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { metaOf, type LooseObject } from '../loose.ts'
import { forbidden, notSupported, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'

type PriorityClass = LooseObject<v1.PriorityClass>

const systemPrefix = 'system-'
const systemValues: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
}
const highestOfUsers = 1_000_000_000

/** Source: ValidatePriorityClass. */
function validate({ metadata, value = 0, preemptionPolicy }: PriorityClass): FieldError[] {
  const name = metadata?.name ?? ''
  const errors: FieldError[] = []
  if (name.startsWith(systemPrefix)) {
    if (systemValues[name] === undefined || systemValues[name] !== value) {
      const text = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${systemProblem(name)}`
      errors.push(forbidden('metadata.name', text))
    }
  } else if (value > highestOfUsers) {
    errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestOfUsers}`))
  }
  const policies = ['PreemptLowerPriority', 'Never']
  if (preemptionPolicy === '') errors.push(required('preemptionPolicy'))
  else if (preemptionPolicy !== undefined && !policies.includes(preemptionPolicy)) {
    errors.push(notSupported('preemptionPolicy', preemptionPolicy, policies))
  }
  return errors
}

const systemProblem = (name: string): string =>
  systemValues[name] === undefined
    ? `${name} is not a known system priority class`
    : `value of ${name} PriorityClass must be ${systemValues[name]}`

function validateUpdate(object: PriorityClass, old: PriorityClass): FieldError[] {
  const isSame = (object.value ?? 0) === (old.value ?? 0)
  return [
    ...(isSame ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...validateImmutable(object.preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy'),
  ]
}

const column = columnsOf<PriorityClass>('PriorityClass')

const define = kindsOf('scheduling.k8s.io', 'v1')

const priorityClass: KindDefinition<PriorityClass> = define<PriorityClass>({
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
  shortNames: ['pc'],
  rules: {
    defaults(object) {
      object.preemptionPolicy ??= 'PreemptLowerPriority'
    },
    prepareForCreate: (object) => (metaOf(object).generation = 1),
    // Nothing but the description and the default may change, and upstream counts neither.
    prepareForUpdate: (object, old) => bumpGeneration(object, old, false),
    validate,
    validateUpdate,
    more: { answersDeleted: true },
  },
  columns: [
    nameColumn,
    column('Value', ({ value }) => value ?? 0, { type: 'integer' }),
    column('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }),
    ageColumn,
    column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ],
})

export const kinds: readonly KindDefinition[] = [priorityClass]
