import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { status } from '../subresources.ts'
import { columns } from './columns.ts'
import { fromStorage, toStorage } from './convert.ts'
import { setDefaults } from './defaults.ts'
import type { Autoscaler, OldAutoscaler } from './types.ts'
import { validateCreate, validateStatus, validateUpdate } from './validation.ts'

const defineNew = kindsOf('autoscaling', 'v2')
const defineOld = kindsOf('autoscaling', 'v1')

const shape = {
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  storagePrefix: 'horizontalpodautoscalers',
  subresources: [status('HorizontalPodAutoscaler')],
}

const autoscaler = defineNew<Autoscaler>({
  ...shape,
  rules: { status: true, defaults: setDefaults, validate: validateCreate, validateUpdate, validateStatus },
  columns: columns((object) => object),
})

const asNew = (object: OldAutoscaler): Autoscaler => toStorage(structuredClone(object)) as Autoscaler

/** The same objects in the words of autoscaling/v1. */
const oldAutoscaler = defineOld<OldAutoscaler>({
  ...shape,
  convert: {
    storage: { group: 'autoscaling', version: 'v2', type: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler' },
    toStorage,
    fromStorage,
  },
  rules: {
    status: true,
    defaults(object) {
      const spec = (object.spec ??= {})
      spec.minReplicas ??= 1
      const cpu = asNew(object).spec?.metrics?.find(({ resource }) => resource?.name === 'cpu')
      spec.targetCPUUtilizationPercentage ??= cpu?.resource?.target?.averageUtilization
      if (spec.targetCPUUtilizationPercentage === undefined) delete spec.targetCPUUtilizationPercentage
    },
    validate: (object) => validateCreate(asNew(object)),
    validateUpdate: (object, old) => validateUpdate(asNew(object), asNew(old)),
    validateStatus: (object) => validateStatus(asNew(object)),
  },
  columns: columns(asNew),
})

export const kinds: readonly KindDefinition[] = [autoscaler, oldAutoscaler]
