import type * as core from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../loose.ts'
import type { WrittenCondition } from '../validation/conditions.ts'

/** resource.k8s.io/v1, of which the typed client knows only older versions. */
export interface Selector {
  cel?: { expression?: string }
}

export interface Toleration {
  key?: string
  operator?: string
  value?: string
  effect?: string
  tolerationSeconds?: number
}

export interface ExactRequest {
  deviceClassName?: string
  selectors?: Selector[]
  allocationMode?: string
  count?: number
  adminAccess?: boolean
  tolerations?: Toleration[]
}

export interface DeviceRequest {
  name?: string
  exactly?: ExactRequest
  firstAvailable?: (ExactRequest & { name?: string })[]
}

export interface DeviceConfiguration {
  requests?: string[]
  opaque?: { driver?: string; parameters?: unknown }
}

export interface DeviceConstraint {
  requests?: string[]
  matchAttribute?: string
  distinctAttribute?: string
}

export interface ClaimSpec {
  devices?: { requests?: DeviceRequest[] | null; constraints?: DeviceConstraint[]; config?: DeviceConfiguration[] }
}

export interface Attribute {
  bool?: boolean
  int?: number
  string?: string
  version?: string
  bools?: boolean[]
  ints?: number[]
  strings?: string[]
  versions?: string[]
}

export interface Taint {
  key?: string
  value?: string
  effect?: string
  timeAdded?: string
}

export type Counters = Record<string, { value?: string }>

export interface RequestPolicy {
  default?: string
  validValues?: string[]
  validRange?: { min?: string; max?: string; step?: string }
}

export interface Capacity {
  value?: string
  requestPolicy?: RequestPolicy
}

export interface Device {
  name?: string
  attributes?: Record<string, Attribute>
  capacity?: Record<string, Capacity>
  allowMultipleAllocations?: boolean
  consumesCounters?: { counterSet?: string; counters?: Counters }[]
  bindingConditions?: string[]
  bindingFailureConditions?: string[]
  nodeName?: string
  nodeSelector?: Loose<core.NodeSelector>
  allNodes?: boolean
  taints?: Taint[]
}

export interface SliceSpec {
  driver?: string
  pool?: { name?: string; generation?: number; resourceSliceCount?: number }
  nodeName?: string
  nodeSelector?: Loose<core.NodeSelector>
  allNodes?: boolean
  perDeviceNodeSelection?: boolean
  devices?: Device[]
  sharedCounters?: { name?: string; counters?: Counters }[]
}

export type DeviceClass = KubeObject & {
  spec?: { selectors?: Selector[]; config?: DeviceConfiguration[]; extendedResourceName?: string }
}
export interface AllocatedDevice {
  driver?: string
  pool?: string
  device?: string
  shareID?: string
}

export interface Allocation {
  devices?: {
    results?: (AllocatedDevice & {
      request?: string
      bindingConditions?: string[]
      bindingFailureConditions?: string[]
    })[]
    config?: (DeviceConfiguration & { source?: string })[]
  }
  nodeSelector?: Loose<core.NodeSelector>
}

export interface DeviceStatus extends AllocatedDevice {
  conditions?: WrittenCondition[]
  data?: unknown
  networkData?: { interfaceName?: string; hardwareAddress?: string; ips?: string[] }
}

export interface Consumer {
  apiGroup?: string
  resource?: string
  name?: string
  uid?: string
}

export interface ClaimStatus {
  allocation?: Allocation
  reservedFor?: Consumer[]
  devices?: DeviceStatus[]
}

export type ResourceClaim = KubeObject & { spec?: ClaimSpec; status?: ClaimStatus }
export type ResourceClaimTemplate = KubeObject & { spec?: { metadata?: object; spec?: ClaimSpec } }
export type ResourceSlice = KubeObject & { spec?: SliceSpec }
