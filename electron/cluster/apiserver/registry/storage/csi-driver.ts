import type * as v1 from 'kubernetes-types/storage/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { duplicate, invalid, notSupported } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'

type Spec = Loose<v1.CSIDriverSpec> & { nodeAllocatableUpdatePeriodSeconds?: number }
type CsiDriver = KubeObject & { spec?: Spec }

function setDefaults(driver: CsiDriver): void {
  const spec = (driver.spec ??= {})
  spec.attachRequired ??= true
  spec.podInfoOnMount ??= false
  spec.storageCapacity ??= false
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
  spec.requiresRepublish ??= false
  spec.seLinuxMount ??= false
}

const modes = ['Persistent', 'Ephemeral']
const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType']
const shortestUpdate = 10
const [shortestToken, longestToken] = [600, 2 ** 32]

function validateTokens(tokens: Spec['tokenRequests']): FieldError[] {
  const seen = new Set<string>()
  return (tokens ?? []).flatMap(({ audience = '', expirationSeconds }, i) => {
    const path = `spec.tokenRequests[${i}]`
    if (seen.has(audience)) return [duplicate(`${path}.audience`, audience)]
    seen.add(audience)
    if (expirationSeconds === undefined) return []
    const errors: FieldError[] = []
    const at = `${path}.expirationSeconds`
    if (expirationSeconds < shortestToken)
      errors.push(invalid(at, expirationSeconds, 'may not specify a duration less than 10 minutes'))
    if (expirationSeconds > longestToken)
      errors.push(invalid(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'))
    return errors
  })
}

/** Source: validateCSIDriverSpec. */
function validateSpec({ spec = {} }: CsiDriver): FieldError[] {
  const errors: FieldError[] = []
  const { fsGroupPolicy, nodeAllocatableUpdatePeriodSeconds: period } = spec
  if (fsGroupPolicy !== undefined && !groupPolicies.includes(fsGroupPolicy)) {
    errors.push(notSupported('spec.fsGroupPolicy', fsGroupPolicy, groupPolicies))
  }
  errors.push(...validateTokens(spec.tokenRequests))
  const { serviceAccountTokenInSecrets: secretly } = spec as { serviceAccountTokenInSecrets?: boolean }
  if (secretly !== undefined && !spec.tokenRequests?.length) {
    const text = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'
    errors.push(invalid('spec.serviceAccountTokenInSecrets', secretly, text))
  }
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!modes.includes(mode)) errors.push(notSupported('spec.volumeLifecycleModes', mode, modes))
  }
  if (period !== undefined && period < shortestUpdate) {
    errors.push(
      invalid(
        'spec.nodeAllocatableUpdatePeriodSeconds',
        period,
        `must be greater than or equal to ${shortestUpdate} seconds`,
      ),
    )
  }
  return errors
}

const column = columnsOf<CsiDriver>('CSIDriver')

const define = kindsOf('storage.k8s.io', 'v1')

export const csiDriver: KindDefinition<CsiDriver> = define<CsiDriver>({
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  rules: {
    defaults: setDefaults,
    validate: validateSpec,
    validateUpdate: (driver, old) => [
      ...validateSpec(driver),
      ...validateImmutable(driver.spec?.attachRequired, old.spec?.attachRequired, 'spec.attachedRequired'),
      ...validateImmutable(
        driver.spec?.volumeLifecycleModes,
        old.spec?.volumeLifecycleModes,
        'spec.volumeLifecycleModes',
      ),
    ],
    more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
  },
  columns: [
    nameColumn,
    column('AttachRequired', ({ spec }) => spec?.attachRequired ?? true, { type: 'boolean' }),
    column('PodInfoOnMount', ({ spec }) => spec?.podInfoOnMount ?? false, { type: 'boolean' }),
    column('StorageCapacity', ({ spec }) => spec?.storageCapacity ?? false, { type: 'boolean' }),
    column(
      'TokenRequests',
      ({ spec }) => (spec?.tokenRequests ?? []).map(({ audience }) => audience ?? '').join(',') || '<unset>',
    ),
    column('RequiresRepublish', ({ spec }) => spec?.requiresRepublish ?? false, { type: 'boolean' }),
    column('Modes', ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>'),
    ageColumn,
  ],
})
