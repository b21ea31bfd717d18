import type * as v1 from 'kubernetes-types/apps/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabelSelector, selectorText } from '../columns/format.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import type { PodTemplateSpec } from '../core/pod/types.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { scale, status } from '../subresources.ts'
import { invalid } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { nonNegative } from '../validation/numbers.ts'
import { isValidSelector, validateCounts, validateSelectedTemplate, validateSelector } from './workload.ts'

type Spec = Omit<Loose<v1.ReplicaSetSpec>, 'template'> & { template?: PodTemplateSpec | undefined }
export type ReplicaSet = KubeObject & { spec?: Spec; status?: Loose<v1.ReplicaSetStatus> }

/** Source: ValidateReplicaSetSpec. */
function validate({ spec = {} }: ReplicaSet): FieldError[] {
  const errors = [
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
  ]
  errors.push(...validateSelector(spec.selector, 'deployment', 'spec.selector'))
  if (isValidSelector(spec.selector)) {
    errors.push(...validateSelectedTemplate(spec.selector, spec.template, 'ReplicaSet', 'spec.template'))
  } else errors.push(invalid('spec.selector', spec.selector, 'invalid label selector'))
  return errors
}

const column = columnsOf<ReplicaSet>('ReplicaSet')

const define = kindsOf('apps', 'v1')

export const replicaSet: KindDefinition<ReplicaSet> = define<ReplicaSet>({
  kind: 'ReplicaSet',
  plural: 'replicasets',
  namespaced: true,
  shortNames: ['rs'],
  categories: ['all'],
  rules: {
    defaults(object) {
      const spec = (object.spec ??= {})
      spec.replicas ??= 1
      defaultTemplate((spec.template ??= {}))
    },
    status: true,
    desired,
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.spec?.selector, old.spec?.selector, 'spec.selector'),
    ],
    validateStatus: ({ status: counts }) =>
      validateCounts(counts, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], ['terminatingReplicas']),
    more: { warnings: templateWarnings<ReplicaSet>(({ spec }) => spec?.template) },
  },
  selectableFields: { 'status.replicas': ({ status: counts }) => String(counts?.replicas ?? 0) },
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, { type: 'integer' }),
    column('Current', ({ status: counts }) => counts?.replicas ?? 0, { type: 'integer' }),
    column('Ready', ({ status: counts }) => counts?.readyReplicas ?? 0, { type: 'integer' }),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabelSelector(spec?.selector), { wide: true }),
  ],
  subresources: [scale<ReplicaSet>('apps/v1', ({ spec }) => selectorText(spec?.selector)), status('ReplicaSet')],
})
