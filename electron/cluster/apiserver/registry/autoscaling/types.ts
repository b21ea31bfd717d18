import type * as v1 from 'kubernetes-types/autoscaling/v1'
import type * as v2 from 'kubernetes-types/autoscaling/v2'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../loose.ts'

export type Metric = Loose<v2.MetricSpec>
export type MetricTarget = Loose<v2.MetricTarget>
export type MetricStatus = Loose<v2.MetricStatus>
export type ScalingRules = Loose<v2.HPAScalingRules> & { tolerance?: string }
export type Reference = Loose<v2.CrossVersionObjectReference>

export type Spec = Omit<Loose<v2.HorizontalPodAutoscalerSpec>, 'behavior'> & {
  behavior?: { scaleUp?: ScalingRules | undefined; scaleDown?: ScalingRules | undefined } | undefined
}
export type Autoscaler = KubeObject & { spec?: Spec; status?: Loose<v2.HorizontalPodAutoscalerStatus> }

/** autoscaling/v1: CPU only, and everything newer in annotations. */
export type OldAutoscaler = KubeObject & {
  spec?: Loose<v1.HorizontalPodAutoscalerSpec>
  status?: Loose<v1.HorizontalPodAutoscalerStatus>
}
