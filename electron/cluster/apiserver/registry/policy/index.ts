import type * as v1 from 'kubernetes-types/policy/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { validateConditions } from '../validation/conditions.ts'
import { invalid, notSupported } from '../validation/field.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { pathSegment } from '../validation/names.ts'
import { nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent } from '../validation/numbers.ts'

type PodDisruptionBudget = KubeObject & {
  spec?: Loose<v1.PodDisruptionBudgetSpec>
  status?: Loose<v1.PodDisruptionBudgetStatus>
}

/** Source: ValidatePodDisruptionBudgetSpec. */
function validate({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = []
  const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy: policy } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'))
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue
    errors.push(...nonNegativeIntOrPercent(value, `spec.${name}`), ...notMoreThan100Percent(value, `spec.${name}`))
  }
  errors.push(...validateLabelSelector(spec.selector, 'spec.selector'))
  const policies = ['AlwaysAllow', 'IfHealthyBudget']
  if (policy !== undefined && !policies.includes(policy))
    errors.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, policies))
  return errors
}

const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const

const column = columnsOf<PodDisruptionBudget>('PodDisruptionBudget')

const define = kindsOf('policy', 'v1')

const podDisruptionBudget: KindDefinition<PodDisruptionBudget> = define<PodDisruptionBudget>({
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
  shortNames: ['pdb'],
  rules: {
    name: pathSegment,
    anyFinalizers: true,
    status: true,
    desired,
    validate,
    validateStatus: ({ status: now }) => [
      ...validateConditions(now?.conditions ?? [], 'status.conditions'),
      ...counts.flatMap((name) => nonNegative(now?.[name], `status.${name}`)),
    ],
    more: { requireResourceVersionOnUpdate: true },
  },
  columns: [
    nameColumn,
    column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', ({ status: now }) => now?.disruptionsAllowed ?? 0, { type: 'integer' }),
    ageColumn,
  ],
  subresources: [status('PodDisruptionBudget')],
})

export const kinds: readonly KindDefinition[] = [podDisruptionBudget]
