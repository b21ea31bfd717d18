import type * as v1 from 'kubernetes-types/node/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateTolerations } from '../core/pod/scheduling.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { LooseObject } from '../loose.ts'
import { asInvalid, duplicate, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabels } from '../validation/labels.ts'
import { isDnsLabel } from '../validation/names.ts'
import { nodeLabelWarnings } from '../validation/node-labels.ts'
import { validateRequirements } from '../validation/resources.ts'

type RuntimeClass = LooseObject<v1.RuntimeClass>

/** Source: ValidateRuntimeClass. */
function validate({ handler = '', overhead, scheduling }: RuntimeClass): FieldError[] {
  const errors = handler ? asInvalid('handler', handler, isDnsLabel(handler)) : [required('handler')]
  // Upstream looks at what pods cost as at the limits of a container, and says so.
  if (overhead) errors.push(...validateRequirements({ limits: overhead.podFixed }, new Set(), 'overhead'))
  const path = 'scheduling.tolerations'
  const tolerations = scheduling?.tolerations ?? []
  errors.push(...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'))
  errors.push(...validateTolerations(tolerations, path))
  const keyOf = ({ key = '', operator = '', value = '', effect = '' }: (typeof tolerations)[number]) =>
    JSON.stringify([key, operator, value, effect])
  const keys = tolerations.map(keyOf)
  for (const [i, toleration] of tolerations.entries())
    if (keys.indexOf(keys[i]!) < i) errors.push(duplicate(`${path}[${i}]`, toleration))
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
      requireResourceVersionOnUpdate: true,
      warnings: ({ scheduling }) => nodeLabelWarnings(scheduling?.nodeSelector, () => 'scheduling.nodeSelector'),
    },
  },
  columns: [nameColumn, column('Handler', ({ handler }) => handler ?? ''), ageColumn],
})

export const kinds: readonly KindDefinition[] = [runtimeClass]
