import type * as v1 from 'kubernetes-types/apps/v1'
import { intValue } from '#shared/kube/int-or-string.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { summarizeDeployment } from '#shared/kube/summaries/workloads.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, selectorText } from '../columns/format.ts'
import { validateClaimSpec } from '../core/persistent-volume-claim/validation.ts'
import { defaultTemplate } from '../core/pod/defaults.ts'
import type { PodTemplateSpec, Volume } from '../core/pod/types.ts'
import { templateWarnings } from '../core/pod/warnings.ts'
import { kindsOf, spec as desired } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { scale, status } from '../subresources.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { dnsLabel } from '../validation/names.ts'
import { nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent, percentOf } from '../validation/numbers.ts'
import {
  isValidSelector,
  validateCollisions,
  validateCounts,
  validateSelectedTemplate,
  validateSelector,
} from './workload.ts'

type Spec = Omit<Loose<v1.StatefulSetSpec>, 'template'> & { template?: PodTemplateSpec | undefined }
export type StatefulSet = KubeObject & { spec?: Spec; status?: Loose<v1.StatefulSetStatus> }

function setDefaults(object: StatefulSet): void {
  const spec = (object.spec ??= {})
  defaultTemplate((spec.template ??= {}))
  spec.podManagementPolicy ||= 'OrderedReady'
  const strategy = (spec.updateStrategy ??= {})
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') (strategy.rollingUpdate ??= {}).partition ??= 0
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {})
  retention.whenDeleted ||= 'Retain'
  retention.whenScaled ||= 'Retain'
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ||= 'v1'
    claim.kind ||= 'PersistentVolumeClaim'
    claim.metadata ??= {}
    const claimSpec = (claim.spec ??= {})
    claimSpec.volumeMode ??= 'Filesystem'
    claimSpec.resources ??= {}
    ;(claim.status ??= {}).phase ||= 'Pending'
  }
}

/** Source: ValidateStatefulSetSpec. */
function validate({ spec = {} }: StatefulSet): FieldError[] {
  const errors: FieldError[] = []
  const policy = spec.podManagementPolicy ?? ''
  if (!policy) errors.push(required('spec.podManagementPolicy'))
  else if (!['OrderedReady', 'Parallel'].includes(policy)) {
    errors.push(invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"))
  }
  errors.push(...validateStrategy(spec.updateStrategy))
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[field]
    const path = `spec.persistentVolumeClaimRetentionPolicy.${field}`
    if (value !== undefined && !['Retain', 'Delete'].includes(value))
      errors.push(notSupported(path, value, ['Retain', 'Delete']))
  }
  errors.push(
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
  )
  errors.push(...nonNegative(spec.ordinals?.start, 'spec.ordinals.start'))
  errors.push(...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'))
  errors.push(...validateSelector(spec.selector, 'statefulset', 'spec.selector'))
  if (isValidSelector(spec.selector)) {
    errors.push(...validateSelectedTemplate(spec.selector, withClaims(spec), 'StatefulSet', 'spec.template'))
  } else errors.push(invalid('spec.selector', spec.selector, ''))
  for (const [i, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
    errors.push(...validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${i}].spec`))
  }
  return errors
}

/** Objects of old may have service names that are none. */
function validateServiceName({ spec: { serviceName = '' } = {} }: StatefulSet): FieldError[] {
  return serviceName ? asInvalid('spec.serviceName', serviceName, dnsLabel(serviceName, false)) : []
}

/** The template as its pods will have it: a volume for each claim, before the template's own. */
function withClaims(spec: Spec): PodTemplateSpec {
  const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }): Volume => {
    const name = metadata?.name ?? ''
    return { name, persistentVolumeClaim: { claimName: name } }
  })
  const taken = new Set(claims.map(({ name }) => name))
  const own = (spec.template?.spec?.volumes ?? []).filter(({ name }) => !taken.has(name))
  return { ...spec.template, spec: { ...spec.template?.spec, volumes: [...claims, ...own] } }
}

function validateStrategy(strategy: Spec['updateStrategy']): FieldError[] {
  const path = 'spec.updateStrategy'
  const type = strategy?.type ?? ''
  const rolling = strategy?.rollingUpdate
  if (!type) return [required(path)]
  if (type === 'OnDelete') {
    return rolling ? [invalid(`${path}.rollingUpdate`, rolling, "only allowed for updateStrategy 'RollingUpdate'")] : []
  }
  if (type === 'RollingUpdate')
    return [
      ...nonNegative(rolling?.partition, `${path}.rollingUpdate.partition`),
      ...validateMaxUnavailable(rolling?.maxUnavailable, `${path}.rollingUpdate.maxUnavailable`),
    ]
  return [invalid(path, { Type: type, RollingUpdate: rolling ?? null }, "must be 'RollingUpdate' or 'OnDelete'")]
}

/**
 * Upstream's v1.36 drops the field unless its feature gate MaxUnavailableStatefulSet is opened, which is open by default
 * from v1.37 on; here whoever sets it gets it, and it is not defaulted.
 */
function validateMaxUnavailable(value: number | string | undefined, path: string): FieldError[] {
  if (value === undefined) return []
  return [
    ...nonNegativeIntOrPercent(value, path),
    ...((percentOf(value) ?? intValue(value)) === 0 ? [invalid(path, value, 'cannot be 0')] : []),
    ...notMoreThan100Percent(value, path),
  ]
}

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

function validateUpdate(object: StatefulSet, old: StatefulSet): FieldError[] {
  const fixed = ({ spec }: StatefulSet) => {
    const rest: Record<string, unknown> = { ...spec }
    for (const field of changeable) delete rest[field]
    return rest
  }
  const errors = validate(object)
  if (!semanticEqual(fixed(object), fixed(old))) {
    const list =
      "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
    errors.push(forbidden('spec', `updates to statefulset spec for fields other than ${list} are forbidden`))
  }
  return errors
}

const column = columnsOf<StatefulSet>('StatefulSet')

const define = kindsOf('apps', 'v1')

export const statefulSet: KindDefinition<StatefulSet> = define<StatefulSet>({
  kind: 'StatefulSet',
  plural: 'statefulsets',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  rules: {
    name: dnsLabel,
    defaults: setDefaults,
    status: true,
    desired,
    validate: (object) => [...validate(object), ...validateServiceName(object)],
    validateUpdate,
    validateStatus: (object, old) => [
      ...validateCounts(
        object.status,
        ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'],
        ['collisionCount'],
      ),
      ...validateCollisions(object.status, old.status),
    ],
    more: { warnings: templateWarnings<StatefulSet>(({ spec }) => spec?.template) },
  },
  columns: [
    nameColumn,
    column('Ready', (object) => summarizeDeployment(object).ready),
    ageColumn,
    column('Containers', ({ spec }) => containerNames(spec?.template), { wide: true }),
    column('Images', ({ spec }) => containerImages(spec?.template), { wide: true }),
  ],
  subresources: [scale<StatefulSet>('apps/v1', ({ spec }) => selectorText(spec?.selector)), status('StatefulSet')],
})
