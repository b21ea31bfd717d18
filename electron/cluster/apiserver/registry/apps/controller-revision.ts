import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { controllerOf } from '../columns/owner.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { nonNegative } from '../validation/numbers.ts'

type ControllerRevision = KubeObject & { data?: unknown; revision?: number }

const validate = ({ data, revision }: ControllerRevision): FieldError[] => [
  ...(data === undefined || data === null ? [required('data', 'data is mandatory')] : []),
  ...nonNegative(revision, 'revision'),
]

const column = columnsOf<ControllerRevision>('ControllerRevision')

const define = kindsOf('apps', 'v1')

export const controllerRevision: KindDefinition<ControllerRevision> = define<ControllerRevision>({
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  rules: {
    validate,
    validateUpdate: (object, old) => [...validate(object), ...validateImmutable(object.data, old.data, 'data')],
  },
  columns: [
    nameColumn,
    column('Controller', controllerOf),
    column('Revision', ({ revision }) => revision ?? 0),
    ageColumn,
  ],
})
