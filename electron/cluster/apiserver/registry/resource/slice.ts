import type { FieldError } from '#shared/kube/status.ts'
import { timestamp } from '../../../base/clock.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateNodeSelector } from '../core/pod/scheduling.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition, StrategyContext } from '../kind.ts'
import { asInvalid, invalid, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isDnsSubdomain } from '../validation/names.ts'
import { validateCounters, validateDevice } from './device.ts'
import { validateDriver, validatePoolName, validateSet } from './names.ts'
import type { ResourceSlice, SliceSpec } from '#shared/kube/devices.ts'

const most = { devices: 128, advancedDevices: 64, counterSets: 8 }

/** Source: validateResourcePool. */
function poolErrors(
  { name = '', generation = 0, resourceSliceCount = 0 }: NonNullable<SliceSpec['pool']>,
  path: string,
): FieldError[] {
  const errors = validatePoolName(name, `${path}.name`)
  if (resourceSliceCount <= 0)
    errors.push(invalid(`${path}.resourceSliceCount`, resourceSliceCount, 'must be greater than zero'))
  if (generation < 0) errors.push(invalid(`${path}.generation`, generation, 'must be greater than or equal to zero'))
  return errors
}

const fields = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'] as const

/** From where the devices are reached. */
function nodeErrors(spec: SliceSpec): FieldError[] {
  const { nodeName, nodeSelector } = spec
  const errors: FieldError[] = []
  const given = fields.filter((field) => spec[field])
  const one = `exactly one of ${fields.map((field) => `\`${field}\``).join(', ')} is required`
  if (nodeName) errors.push(...asInvalid('spec.nodeName', nodeName, isDnsSubdomain(nodeName)))
  else if (nodeName !== undefined)
    errors.push(invalid('spec.nodeName', nodeName, 'must be either unset or set to a non-empty string'))
  if (nodeSelector) {
    const path = 'spec.nodeSelector'
    const terms = nodeSelector.nodeSelectorTerms ?? []
    errors.push(...validateNodeSelector(nodeSelector, path))
    if (terms.length !== 1)
      errors.push(invalid(`${path}.nodeSelectorTerms`, terms, 'must have exactly one node selector term'))
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[field] === false) errors.push(invalid(`spec.${field}`, false, 'must be either unset or set to true'))
  }
  if (!given.length) errors.push(required('spec', one))
  if (given.length > 1) {
    errors.push(
      invalid('spec', `{${given.map((field) => `\`${field}\``).join(', ')}}`, `${one}, but multiple fields are set`),
    )
  }
  return errors
}

/** Source: validateResourceSliceSpec; `old` on updates. */
function validateSpec(spec: SliceSpec, old?: SliceSpec): FieldError[] {
  const devices = spec.devices ?? []
  const { sharedCounters } = spec
  const isAdvanced = devices.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length)
  return [
    ...validateDriver(spec.driver, 'spec.driver'),
    ...poolErrors(spec.pool ?? {}, 'spec.pool'),
    ...(old
      ? [
          ...validateImmutable(spec.pool?.name, old.pool?.name, 'spec.pool.name'),
          ...validateImmutable(spec.driver, old.driver, 'spec.driver'),
          ...validateImmutable(spec.nodeName, old.nodeName, 'spec.nodeName'),
        ]
      : []),
    ...nodeErrors(spec),
    ...(sharedCounters && spec.devices
      ? [invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed')]
      : []),
    ...validateSet(
      devices,
      isAdvanced ? most.advancedDevices : most.devices,
      (device, path) => validateDevice(device, spec.perDeviceNodeSelection ?? false, path),
      ({ name = '' }) => name,
      'spec.devices',
    ),
    ...validateSet(
      sharedCounters,
      most.counterSets,
      ({ name = '', counters }, path) => validateCounters(name, counters, `${path}.name`, `${path}.counters`),
      ({ name = '' }) => name,
      'spec.sharedCounters',
    ),
  ]
}

/** Source: SetDefaults_DeviceTaint. */
function stampTaints({ spec }: ResourceSlice, { clock }: StrategyContext): void {
  for (const { taints } of spec?.devices ?? [])
    for (const taint of taints ?? []) taint.timeAdded ??= timestamp(clock.now())
}

const column = columnsOf<ResourceSlice>('ResourceSlice')

const define = kindsOf('resource.k8s.io', 'v1')

export const resourceSlice: KindDefinition<ResourceSlice> = define<ResourceSlice>({
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  rules: {
    desired,
    prepareForCreate: stampTaints,
    prepareForUpdate: (slice, _old, context) => stampTaints(slice, context),
    validate: ({ spec }) => validateSpec(spec ?? {}),
    validateUpdate: ({ spec }, old) => validateSpec(spec ?? {}, old.spec ?? {}),
    more: { answersDeleted: true },
  },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  columns: [
    nameColumn,
    column('Node', ({ spec }) => spec?.nodeName ?? '<unset>'),
    column('Driver', ({ spec }) => spec?.driver ?? ''),
    column('Pool', ({ spec }) => spec?.pool?.name ?? ''),
    ageColumn,
  ],
})
