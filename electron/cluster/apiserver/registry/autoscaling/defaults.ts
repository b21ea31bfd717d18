import type { Autoscaler, Metric, ScalingRules } from './types.ts'

const defaultUtilization = 80

export const cpuMetric = (averageUtilization = defaultUtilization): Metric => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})

const doubling = { type: 'Percent', value: 100, periodSeconds: 15 }

/** Rules that are given replace the default ones field by field. */
function fill(given: ScalingRules | undefined, defaults: ScalingRules): ScalingRules {
  const rules: ScalingRules = { ...defaults, ...given }
  if (!given?.policies) rules.policies = defaults.policies
  return rules
}

/** Source: SetDefaults_HorizontalPodAutoscaler and GenerateScaleUpRules. Without behavior the controller has its own. */
export function setDefaults(object: Autoscaler): void {
  const spec = (object.spec ??= {})
  spec.minReplicas ??= 1
  if (!spec.metrics?.length) spec.metrics = [cpuMetric()]
  if (!spec.behavior) return
  const fourPods = { type: 'Pods', value: 4, periodSeconds: 15 }
  const up = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [fourPods, { ...doubling }] }
  spec.behavior.scaleUp = fill(spec.behavior.scaleUp, up)
  spec.behavior.scaleDown = fill(spec.behavior.scaleDown, { selectPolicy: 'Max', policies: [{ ...doubling }] })
}
