import type * as v1 from 'kubernetes-types/coordination/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { invalid } from '../validation/field.ts'
import { positive } from '../validation/numbers.ts'

type Lease = KubeObject & { spec?: Loose<v1.LeaseSpec> }

/** Source: ValidateLeaseSpec. */
function validate({ spec = {} }: Lease): FieldError[] {
  const errors: FieldError[] = []
  const { leaseDurationSeconds, leaseTransitions } = spec
  if (leaseDurationSeconds !== undefined) errors.push(...positive(leaseDurationSeconds, 'spec.leaseDurationSeconds'))
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    errors.push(invalid('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0'))
  }
  return errors
}

const column = columnsOf<Lease>('Lease')

const define = kindsOf('coordination.k8s.io', 'v1')

const lease: KindDefinition<Lease> = define<Lease>({
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  rules: { validate, anyFinalizers: true, more: { allowCreateOnUpdate: true, requireResourceVersionOnUpdate: true } },
  columns: [nameColumn, column('Holder', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
})

export const kinds: readonly KindDefinition[] = [lease]
