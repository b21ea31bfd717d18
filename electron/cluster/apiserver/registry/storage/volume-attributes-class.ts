import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateParameters, validateProvisioner } from './storage-class.ts'

type VolumeAttributesClass = KubeObject & { driverName?: string; parameters?: Record<string, string> }

/** Source: ValidateVolumeAttributesClass. */
function validate({ driverName, parameters }: VolumeAttributesClass): FieldError[] {
  return [
    ...validateProvisioner(driverName, 'driverName'),
    ...validateParameters(parameters, 'parameters'),
    ...(Object.keys(parameters ?? {}).length
      ? []
      : [required('parameters', 'must contain at least one key/value pair')]),
  ]
}

const column = columnsOf<VolumeAttributesClass>('VolumeAttributesClass')

const define = kindsOf('storage.k8s.io', 'v1')

export const volumeAttributesClass: KindDefinition<VolumeAttributesClass> = define<VolumeAttributesClass>({
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  namespaced: false,
  shortNames: ['vac'],
  acted: false,
  rules: {
    validate,
    validateUpdate: (object, old) => [
      ...validateImmutable(object.driverName, old.driverName, 'driverName'),
      ...validateImmutable(object.parameters, old.parameters, 'parameters'),
      ...validate(object),
    ],
    more: { answersDeleted: true },
  },
  columns: [nameColumn, column('DriverName', ({ driverName }) => driverName ?? ''), ageColumn],
})
