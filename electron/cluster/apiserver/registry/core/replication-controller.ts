import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { matches, selectorOfLabels } from '#shared/kube/selectors.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { mismatch, validateCounts, validateLongRunning } from '../apps/workload.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabels } from '../columns/format.ts'
import { templateWarnings } from './pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { metaOf, type Loose } from '../loose.ts'
import { scale, status } from '../subresources.ts'
import { required } from '../validation/field.ts'
import { nonNegative } from '../validation/numbers.ts'
import { defaultTemplate } from './pod/defaults.ts'
import { validateTemplate } from './pod/template.ts'
import type { PodTemplateSpec } from './pod/types.ts'

type Spec = Omit<Loose<v1.ReplicationControllerSpec>, 'template'> & { template?: PodTemplateSpec | undefined }
type ReplicationController = KubeObject & { spec?: Spec; status?: Loose<v1.ReplicationControllerStatus> }

const labelsOf = (template: PodTemplateSpec | undefined) => (template?.metadata?.labels ?? {}) as Record<string, string>
const selectorOf = (spec: Spec | undefined) => (spec?.selector ?? {}) as Record<string, string>

/** The selector and the controller's own labels come from the template, where they are not given. */
function setDefaults(object: ReplicationController): void {
  const spec = (object.spec ??= {})
  if (spec.template) {
    const labels = labelsOf(spec.template)
    if (Object.keys(labels).length) {
      if (!Object.keys(selectorOf(spec)).length) spec.selector = { ...labels }
      const metadata = metaOf(object)
      if (!Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels }
    }
    defaultTemplate(spec.template)
  }
  spec.replicas ??= 1
}

function validate({ spec = {} }: ReplicationController): FieldError[] {
  const selector = selectorOf(spec)
  const isEmpty = !Object.keys(selector).length
  const errors = nonNegative(spec.minReadySeconds, 'spec.minReadySeconds')
  if (isEmpty) errors.push(required('spec.selector'))
  errors.push(...nonNegative(spec.replicas, 'spec.replicas'))
  if (!spec.template) return [...errors, required('spec.template')]
  if (!isEmpty && !matches(selectorOfLabels(selector), labelsOf(spec.template)))
    errors.push(mismatch(spec.template, 'spec.template'))
  errors.push(...validateTemplate(spec.template, 'spec.template'))
  errors.push(...validateLongRunning(spec.template, 'ReplicationController', 'spec.template'))
  return errors
}

const column = columnsOf<ReplicationController>('ReplicationController')

const define = kindsOf('', 'v1')

export const replicationController: KindDefinition<ReplicationController> = define<ReplicationController>({
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  storagePrefix: 'controllers',
  namespaced: true,
  shortNames: ['rc'],
  categories: ['all'],
  rules: {
    defaults: setDefaults,
    status: true,
    desired,
    validate,
    validateStatus: ({ status: now }) =>
      validateCounts(now, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
    more: { warnings: templateWarnings<ReplicationController>(({ spec }) => spec?.template) },
  },
  selectableFields: { 'status.replicas': ({ status: now }) => String(now?.replicas ?? 0) },
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, { type: 'integer' }),
    column('Current', ({ status: now }) => now?.replicas ?? 0, { type: 'integer' }),
    column('Ready', ({ status: now }) => now?.readyReplicas ?? 0, { type: 'integer' }),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabels(spec?.selector), { wide: true }),
  ],
  subresources: [
    scale<ReplicationController>('v1', ({ spec }) =>
      Object.keys(selectorOf(spec)).length ? formatLabels(spec?.selector) : '',
    ),
    status('ReplicationController'),
  ],
})
