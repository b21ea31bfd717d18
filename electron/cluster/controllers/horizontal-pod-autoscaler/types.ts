import type * as v2 from 'kubernetes-types/autoscaling/v2'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'

export type Autoscaler = Frozen<v2.HorizontalPodAutoscaler>
export type Status = Frozen<v2.HorizontalPodAutoscalerStatus>
export type Condition = Frozen<v2.HorizontalPodAutoscalerCondition>
export type MetricSpec = Frozen<v2.MetricSpec>
export type MetricStatus = Frozen<v2.MetricStatus>
export type MetricTarget = Frozen<v2.MetricTarget>
export type MetricIdentifier = Frozen<v2.MetricIdentifier>
export type ObjectReference = Frozen<v2.CrossVersionObjectReference>
/** With what came after 1.30, which the typed client is of. */
export type ScalingRules = Frozen<v2.HPAScalingRules> & { readonly tolerance?: string }

/** autoscaling/v1 Scale; the selector in its text form. */
export interface Scale extends KubeObject {
  spec?: { replicas?: number }
  status?: { replicas?: number; selector?: string }
}

export const maxInt32 = 2 ** 31 - 1
