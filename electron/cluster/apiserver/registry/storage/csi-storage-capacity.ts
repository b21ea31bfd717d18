import type * as v1 from 'kubernetes-types/storage/v1'
import type { FieldError } from '#shared/kube/status.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { LooseObject } from '../loose.ts'
import { asInvalid } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { isDnsSubdomain } from '../validation/names.ts'
import { nodeSelectorWarnings } from '../validation/node-labels.ts'
import { nonNegativeQuantity } from '../validation/quantities.ts'

type CsiStorageCapacity = LooseObject<v1.CSIStorageCapacity>

/** Source: ValidateCSIStorageCapacity. */
function validate(object: CsiStorageCapacity): FieldError[] {
  const storageClass = object.storageClassName ?? ''
  return [
    ...validateLabelSelector(object.nodeTopology, 'nodeTopology'),
    ...asInvalid('storageClassName', storageClass, isDnsSubdomain(storageClass)),
    ...nonNegativeQuantity(object.capacity, 'capacity'),
  ]
}

const define = kindsOf('storage.k8s.io', 'v1')

export const csiStorageCapacity: KindDefinition<CsiStorageCapacity> = define<CsiStorageCapacity>({
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  acted: false,
  rules: {
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.nodeTopology, old.nodeTopology, 'nodeTopology'),
      ...validateImmutable(object.storageClassName, old.storageClassName, 'storageClassName'),
    ],
    more: {
      answersDeleted: true,
      requireResourceVersionOnUpdate: true,
      warnings: ({ nodeTopology }) => nodeSelectorWarnings(nodeTopology, 'nodeTopology'),
    },
  },
})
