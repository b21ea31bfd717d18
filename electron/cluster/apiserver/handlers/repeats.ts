import type { KindDefinition } from '../registry/kind.ts'

/** How often the rules of a kind look at the metadata and at the object as a whole when it is updated. */
export interface Repeats {
  /** ValidateObjectMeta: labels, annotations, owners, finalizers. */
  readonly metadata: number
  /** ValidateObjectMetaUpdate: what may not change, and labels, annotations and owners once more. */
  readonly change: number
  /** The rules of creation come before the rules of the update, which hold them too. */
  readonly rules?: 2
}

const none: Repeats = { metadata: 0, change: 0 }
const usual: Repeats = { metadata: 0, change: 1 }
const whole: Repeats = { metadata: 1, change: 1 }
const unchanged: Repeats = { metadata: 1, change: 0 }
const twice: Repeats = { metadata: 1, change: 1, rules: 2 }
const unchangedTwice: Repeats = { metadata: 2, change: 0, rules: 2 }
const roles: Repeats = { metadata: 2, change: 1, rules: 2 }

/**
 * What is wrong is blamed each time it is looked at, and clients see it: one cause each. By group, kind and
 * subresource; whoever is not named looks once at what changed. Source: ValidateUpdate of each
 * pkg/registry/<group>/<kind>/strategy.go.
 */
const table: Readonly<Record<string, Repeats>> = {
  '/ConfigMap': whole,
  '/Endpoints': whole,
  '/Event': none,
  '/LimitRange': unchanged,
  '/Namespace': whole,
  '/Node': twice,
  '/PersistentVolume': unchangedTwice,
  '/PersistentVolumeClaim': twice,
  '/Pod': whole,
  '/ReplicationController': twice,
  '/Secret': whole,
  '/Service': whole,
  '/ServiceAccount': whole,
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': unchanged,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': unchanged,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': unchanged,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': unchanged,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': unchanged,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': unchanged,
  'apiregistration.k8s.io/APIService': whole,
  'apps/ControllerRevision': whole,
  'apps/DaemonSet': twice,
  'apps/ReplicaSet': twice,
  'batch/CronJob/status': none,
  'batch/Job': twice,
  'certificates.k8s.io/CertificateSigningRequest': whole,
  'certificates.k8s.io/CertificateSigningRequest/approval': whole,
  'certificates.k8s.io/CertificateSigningRequest/status': whole,
  'discovery.k8s.io/EndpointSlice': unchanged,
  'flowcontrol.apiserver.k8s.io/FlowSchema': unchanged,
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': unchanged,
  'networking.k8s.io/IPAddress': whole,
  'networking.k8s.io/Ingress': whole,
  'networking.k8s.io/IngressClass': whole,
  'networking.k8s.io/NetworkPolicy': twice,
  'node.k8s.io/RuntimeClass': whole,
  'policy/PodDisruptionBudget': none,
  'policy/PodDisruptionBudget/status': none,
  'rbac.authorization.k8s.io/ClusterRole': roles,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roles,
  'rbac.authorization.k8s.io/Role': roles,
  'rbac.authorization.k8s.io/RoleBinding': roles,
  'resource.k8s.io/DeviceClass': whole,
  'resource.k8s.io/ResourceClaim': whole,
  'storage.k8s.io/CSINode': unchangedTwice,
  'storage.k8s.io/CSIStorageCapacity': whole,
  'storage.k8s.io/StorageClass': whole,
  'storage.k8s.io/VolumeAttachment': { metadata: 2, change: 0 },
  'storage.k8s.io/VolumeAttributesClass': roles,
}

export const repeatsOf = ({ group, kind }: Pick<KindDefinition, 'group' | 'kind'>, subresource: string): Repeats =>
  table[`${group}/${kind}${subresource && `/${subresource}`}`] ?? usual
