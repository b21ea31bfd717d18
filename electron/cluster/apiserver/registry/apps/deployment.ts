import type * as v1 from 'kubernetes-types/apps/v1'
import { intValue } from '#shared/kube/int-or-string.ts'
import type { FieldError } from '#shared/kube/status.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { summarizeDeployment } from '#shared/kube/summaries/workloads.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabelSelector, selectorText } from '../columns/format.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import type { PodTemplateSpec } from '../core/pod/types.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { scale, status } from '../subresources.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent, percentOf } from '../validation/numbers.ts'
import {
  isValidSelector,
  validateCollisions,
  validateCounts,
  validateSelectedTemplate,
  validateSelector,
} from './workload.ts'

export type DeploymentSpec = Omit<Loose<v1.DeploymentSpec>, 'template'> & { template?: PodTemplateSpec | undefined }
export type Deployment = KubeObject & { spec?: DeploymentSpec; status?: Loose<v1.DeploymentStatus> }

function setDefaults(deployment: Deployment): void {
  const spec = (deployment.spec ??= {})
  defaultTemplate((spec.template ??= {}))
  spec.replicas ??= 1
  const strategy = (spec.strategy ??= {})
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {})
    rolling.maxUnavailable ??= '25%'
    rolling.maxSurge ??= '25%'
  }
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
}

/** Source: ValidateDeploymentSpec. */
function validate({ spec = {} }: Deployment): FieldError[] {
  const errors = nonNegative(spec.replicas, 'spec.replicas')
  errors.push(...validateSelector(spec.selector, 'deployment', 'spec.selector'))
  if (isValidSelector(spec.selector)) {
    errors.push(...validateSelectedTemplate(spec.selector, spec.template, 'ReplicaSet', 'spec.template'))
  } else errors.push(invalid('spec.selector', spec.selector, 'invalid label selector'))
  errors.push(...validateStrategy(spec.strategy))
  errors.push(...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'))
  errors.push(...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'))
  const deadline = spec.progressDeadlineSeconds
  errors.push(...nonNegative(deadline, 'spec.progressDeadlineSeconds'))
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'))
  }
  return errors
}

const numberOf = (value: number | string | undefined): number => percentOf(value) ?? intValue(value ?? 0)

function validateStrategy(strategy: DeploymentSpec['strategy']): FieldError[] {
  const path = 'spec.strategy'
  const rolling = strategy?.rollingUpdate
  const type = strategy?.type ?? ''
  if (type === 'Recreate') {
    return rolling
      ? [forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
      : []
  }
  if (type !== 'RollingUpdate') {
    const internal = {
      Type: type,
      RollingUpdate: rolling ? { MaxUnavailable: rolling.maxUnavailable, MaxSurge: rolling.maxSurge } : null,
    }
    return [notSupported(path, internal, ['Recreate', 'RollingUpdate'])]
  }
  if (!rolling) return [required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil')]
  const { maxUnavailable, maxSurge } = rolling
  const errors = nonNegativeIntOrPercent(maxUnavailable, `${path}.rollingUpdate.maxUnavailable`)
  errors.push(...nonNegativeIntOrPercent(maxSurge, `${path}.rollingUpdate.maxSurge`))
  if (numberOf(maxUnavailable) === 0 && numberOf(maxSurge) === 0) {
    errors.push(invalid(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  errors.push(...notMoreThan100Percent(maxUnavailable, `${path}.rollingUpdate.maxUnavailable`))
  return errors
}

const column = columnsOf<Deployment>('Deployment')

const define = kindsOf('apps', 'v1')

export const deployment: KindDefinition<Deployment> = define<Deployment>({
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  shortNames: ['deploy'],
  categories: ['all'],
  rules: {
    defaults: setDefaults,
    status: true,
    statusKeeps: 'labels',
    // A changed annotation counts, because it goes down to the replica sets.
    desired: ({ spec, metadata }) => [spec, metadata?.annotations],
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.spec?.selector, old.spec?.selector, 'spec.selector'),
    ],
    validateStatus: (object, old) => [
      ...validateCounts(
        object.status,
        ['updatedReplicas', 'readyReplicas', 'availableReplicas'],
        ['unavailableReplicas', 'terminatingReplicas', 'collisionCount'],
      ),
      ...validateCollisions(object.status, old.status),
    ],
    more: { warnings: templateWarnings<Deployment>(({ spec }) => spec?.template) },
  },
  columns: [
    nameColumn,
    column('Ready', (object) => summarizeDeployment(object).ready),
    column('Up-to-date', (object) => summarizeDeployment(object).updated),
    column('Available', (object) => summarizeDeployment(object).available),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
    column('Selector', ({ spec }) => formatLabelSelector(spec?.selector), { wide: true }),
  ],
  subresources: [scale<Deployment>('apps/v1', ({ spec }) => selectorText(spec?.selector)), status('Deployment')],
})
