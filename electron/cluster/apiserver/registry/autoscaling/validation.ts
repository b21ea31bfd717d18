import { parseQuantity, signOf } from '#shared/kube/quantity.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { nonNegative } from '../validation/numbers.ts'
import { validateMetrics } from './metrics.ts'
import { validateReference } from './reference.ts'
import type { Autoscaler, Reference, ScalingRules, Spec } from './types.ts'

const longestPeriod = 1800
const longestWindow = 3600

/** Only replication controllers can be scaled in the core group. */
function validateGroup({ apiVersion = '', kind }: Reference, path: string): FieldError[] {
  if (apiVersion.split('/').length > 2)
    return [invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)]
  if (apiVersion.includes('/') || (apiVersion === 'v1' && kind === 'ReplicationController')) return []
  return [invalid(`${path}.apiVersion`, apiVersion, 'apiVersion must specify API group')]
}

function validateRules(rules: ScalingRules | undefined, path: string): FieldError[] {
  if (!rules) return []
  const errors: FieldError[] = []
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules
  if (window !== undefined && window < 0) {
    errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'))
  }
  if (window !== undefined && window > longestWindow) {
    errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, `must be less than or equal to ${longestWindow}`))
  }
  const selections = ['Disabled', 'Max', 'Min']
  if (selectPolicy !== undefined && !selections.includes(selectPolicy))
    errors.push(notSupported(`${path}.selectPolicy`, selectPolicy, selections))
  if (!policies.length) errors.push(required(`${path}.policies`, 'must specify at least one Policy'))
  for (const [i, { type = '', value = 0, periodSeconds = 0 }] of policies.entries()) {
    const at = `${path}.policies[${i}]`
    const types = ['Percent', 'Pods']
    if (!types.includes(type)) errors.push(notSupported(`${at}.type`, type, types))
    if (value <= 0) errors.push(invalid(`${at}.value`, value, 'must be greater than zero'))
    if (periodSeconds <= 0) errors.push(invalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero'))
    if (periodSeconds > longestPeriod)
      errors.push(invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${longestPeriod}`))
  }
  if (tolerance !== undefined && signOf(parseQuantity(tolerance)) < 0) {
    errors.push(invalid(`${path}.tolerance`, tolerance, 'must be greater or equal to zero'))
  }
  return errors
}

function validateCounts({ minReplicas, maxReplicas = 0 }: Spec, least: number): FieldError[] {
  const errors: FieldError[] = []
  if (minReplicas !== undefined && minReplicas < least) {
    errors.push(invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${least}`))
  }
  if (maxReplicas === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'))
  else if (maxReplicas < 1) errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to 1'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  return errors
}

/** Source: validateHorizontalPodAutoscalerSpec. */
function validateSpec(spec: Spec, least: number, isNewTarget: boolean): FieldError[] {
  const target = spec.scaleTargetRef ?? {}
  const errors = [...validateCounts(spec, least), ...validateReference(target, 'spec.scaleTargetRef')]
  if (isNewTarget) errors.push(...validateGroup(target, 'spec.scaleTargetRef'))
  errors.push(...validateMetrics(spec.metrics, 'spec.metrics'))
  const canBeIdle = spec.metrics?.some(({ type }) => type === 'Object' || type === 'External')
  if (spec.minReplicas === 0 && !canBeIdle) {
    errors.push(
      forbidden(
        'spec.metrics',
        'must specify at least one Object or External metric to support scaling to zero replicas',
      ),
    )
  }
  return [
    ...errors,
    ...validateRules(spec.behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(spec.behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ]
}

export const validateCreate = ({ spec = {} }: Autoscaler): FieldError[] => validateSpec(spec, 1, true)

export function validateUpdate({ spec = {} }: Autoscaler, old: Autoscaler): FieldError[] {
  const isNewTarget = spec.scaleTargetRef?.apiVersion !== old.spec?.scaleTargetRef?.apiVersion
  return validateSpec(spec, old.spec?.minReplicas === 0 ? 0 : 1, isNewTarget)
}

export const validateStatus = ({ status: now }: Autoscaler): FieldError[] => [
  ...nonNegative(now?.currentReplicas, 'status.currentReplicas'),
  ...nonNegative(now?.desiredReplicas, 'status.desiredReplicas'),
]
