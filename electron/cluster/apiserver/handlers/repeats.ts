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

const usual: Repeats = { metadata: 0, change: 1 }
const whole: Repeats = { metadata: 1, change: 1 }
const unchanged: Repeats = { metadata: 1, change: 0 }
const twice: Repeats = { metadata: 1, change: 1, rules: 2 }
const roles: Repeats = { metadata: 2, change: 1, rules: 2 }

/**
 * What is wrong is blamed each time it is looked at, and clients see it: one cause each. By group and kind; whoever is
 * not named looks once at what changed. Source: ValidateUpdate of each pkg/registry/<group>/<kind>/strategy.go.
 */
const table: Readonly<Record<string, Repeats>> = {
  '/ConfigMap': whole,
  '/Endpoints': whole,
  '/LimitRange': unchanged,
  '/Namespace': whole,
  '/Node': twice,
  '/PersistentVolume': { metadata: 2, change: 0, rules: 2 },
  '/PersistentVolumeClaim': twice,
  '/Pod': whole,
  '/ReplicationController': twice,
  '/Secret': whole,
  '/ServiceAccount': whole,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': unchanged,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': unchanged,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': unchanged,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': unchanged,
  'apiregistration.k8s.io/APIService': whole,
  'apps/DaemonSet': twice,
  'apps/ReplicaSet': twice,
  'batch/Job': twice,
  'certificates.k8s.io/CertificateSigningRequest': whole,
  'discovery.k8s.io/EndpointSlice': unchanged,
  'networking.k8s.io/NetworkPolicy': twice,
  'node.k8s.io/RuntimeClass': whole,
  'policy/PodDisruptionBudget': { metadata: 0, change: 0 },
  'rbac.authorization.k8s.io/ClusterRole': roles,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roles,
  'rbac.authorization.k8s.io/Role': roles,
  'rbac.authorization.k8s.io/RoleBinding': roles,
  'storage.k8s.io/StorageClass': whole,
  'storage.k8s.io/VolumeAttributesClass': whole,
}

/** Writers of a subresource are looked at once: it has rules of its own. */
export const repeatsOf = ({ group, kind }: Pick<KindDefinition, 'group' | 'kind'>, subresource: string): Repeats =>
  (subresource === '' ? table[`${group}/${kind}`] : undefined) ?? usual
