import type * as v1 from 'kubernetes-types/node/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateTolerations } from '../core/pod/scheduling.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type LooseObject } from '../loose.ts'
import { asInvalid, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabels } from '../validation/labels.ts'
import { isDnsLabel } from '../validation/names.ts'
import { nodeLabelWarnings } from '../validation/node-labels.ts'
import { validateResourceValue } from '../validation/resources.ts'

type RuntimeClass = LooseObject<v1.RuntimeClass>

/** Source: ValidateRuntimeClass. */
function validate({ handler = '', overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors = handler ? asInvalid('handler', handler, isDnsLabel(handler)) : [required('handler')]
  for (const [name, amount] of entries(overhead?.podFixed)) {
    errors.push(...validateResourceValue(name, amount, `overhead.podFixed.${name}`))
  }
  errors.push(...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'))
  errors.push(...validateTolerations(scheduling?.tolerations, 'scheduling.tolerations'))
  return errors
}

const column = columnsOf<RuntimeClass>('RuntimeClass')

const define = kindsOf('node.k8s.io', 'v1')

const runtimeClass: KindDefinition<RuntimeClass> = define<RuntimeClass>({
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  rules: {
    validate,
    validateUpdate: (object, old) => [
      ...validateImmutable(object.handler, old.handler, 'handler'),
      ...validate(object),
    ],
    more: {
      warnings: ({ scheduling }) => nodeLabelWarnings(scheduling?.nodeSelector, () => 'scheduling.nodeSelector'),
    },
  },
  columns: [nameColumn, column('Handler', ({ handler }) => handler ?? ''), ageColumn],
})

export const kinds: readonly KindDefinition[] = [runtimeClass]
