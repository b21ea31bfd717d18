import type { NodeSelector } from 'kubernetes-types/core/v1'
import type { KubeObject } from './object.ts'

/** resource.k8s.io/v1, of which the typed client knows only older versions. Fields may be absent: clients write them. */
export interface DeviceSelector {
  cel?: { expression?: string }
}

export interface DeviceToleration {
  key?: string
  operator?: string
  value?: string
  effect?: string
  tolerationSeconds?: number
}

export interface ExactRequest {
  deviceClassName?: string
  selectors?: DeviceSelector[]
  allocationMode?: string
  count?: number
  adminAccess?: boolean
  tolerations?: DeviceToleration[]
  capacity?: { requests?: Record<string, string> }
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

export interface DeviceAttribute {
  bool?: boolean
  int?: number
  string?: string
  version?: string
}

export interface DeviceTaint {
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

export interface DeviceCapacity {
  value?: string
  requestPolicy?: RequestPolicy
}

export interface Device {
  name?: string
  attributes?: Record<string, DeviceAttribute>
  capacity?: Record<string, DeviceCapacity>
  allowMultipleAllocations?: boolean
  consumesCounters?: { counterSet?: string; counters?: Counters }[]
  bindsToNode?: boolean
  bindingConditions?: string[]
  bindingFailureConditions?: string[]
  nodeName?: string
  nodeSelector?: NodeSelector
  allNodes?: boolean
  taints?: DeviceTaint[]
}

export interface SliceSpec {
  driver?: string
  pool?: { name?: string; generation?: number; resourceSliceCount?: number }
  nodeName?: string
  nodeSelector?: NodeSelector
  allNodes?: boolean
  perDeviceNodeSelection?: boolean
  devices?: Device[]
  sharedCounters?: { name?: string; counters?: Counters }[]
}

export interface AllocatedDevice {
  driver?: string
  pool?: string
  device?: string
  shareID?: string
}

export interface DeviceResult extends AllocatedDevice {
  request?: string
  adminAccess?: boolean
  tolerations?: DeviceToleration[]
  bindingConditions?: string[]
  bindingFailureConditions?: string[]
  consumedCapacity?: Record<string, string>
}

export interface Allocation {
  devices?: { results?: DeviceResult[]; config?: (DeviceConfiguration & { source?: string })[] }
  nodeSelector?: NodeSelector
  allocationTimestamp?: string
}

export interface DeviceStatus extends AllocatedDevice {
  conditions?: {
    type?: string
    status?: string
    observedGeneration?: number
    lastTransitionTime?: string
    reason?: string
    message?: string
  }[]
  data?: unknown
  networkData?: { interfaceName?: string; hardwareAddress?: string; ips?: string[] }
}

export interface ClaimConsumer {
  apiGroup?: string
  resource?: string
  name?: string
  uid?: string
}

export interface ClaimStatus {
  allocation?: Allocation
  reservedFor?: ClaimConsumer[]
  devices?: DeviceStatus[]
}

export type DeviceClass = KubeObject & {
  spec?: { selectors?: DeviceSelector[]; config?: DeviceConfiguration[]; extendedResourceName?: string }
}
export type ResourceClaim = KubeObject & { spec?: ClaimSpec; status?: ClaimStatus }
export type ResourceClaimTemplate = KubeObject & {
  spec?: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec?: ClaimSpec }
}
export type ResourceSlice = KubeObject & { spec?: SliceSpec }

/** Of everything that one claim can be given, and of the alternatives in one request. */
export const mostDevices = 32
export const mostAlternatives = 8

/** Keeps a claim that has devices until they are given back. */
export const deleteProtection = 'resource.kubernetes.io/delete-protection'
/** Which of its pod's claims a generated claim is. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name'
/** On the claim that stands for the extended resources of its pod. */
export const extendedClaimAnnotation = 'resource.kubernetes.io/extended-resource-claim'
/** A class can be asked for by this and its name, as an extended resource. */
export const implicitResourcePrefix = 'deviceclass.resource.kubernetes.io/'
/** Only namespaces with this label may ask for admin access. */
export const adminAccessLabel = 'resource.kubernetes.io/admin-access'

/** `driver/pool/device`. */
export const deviceId = ({ driver = '', pool = '', device = '' }: Readonly<AllocatedDevice>): string =>
  `${driver}/${pool}/${device}`

/** `driver/pool`. */
export const poolId = ({
  driver = '',
  pool,
}: Readonly<{ driver?: string; pool?: { readonly name?: string } }>): string => `${driver}/${pool?.name ?? ''}`

/** Whether a toleration covers a taint. Source: resourceclaim.ToleratesTaint. */
export function toleratesTaint(toleration: Readonly<DeviceToleration>, taint: Readonly<DeviceTaint>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return (!toleration.operator || toleration.operator === 'Equal') && (toleration.value ?? '') === (taint.value ?? '')
}
