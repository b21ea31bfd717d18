import type { DaemonSet, Deployment, ReplicaSet, StatefulSet, ControllerRevision } from 'kubernetes-types/apps/v1'
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2'
import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1'
import type { Lease } from 'kubernetes-types/coordination/v1'
import type {
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from 'kubernetes-types/core/v1'
import type { Condition } from 'kubernetes-types/meta/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Ingress, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1'
import type { RuntimeClass } from 'kubernetes-types/node/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1'
import type { CSIDriver, CSINode, StorageClass, VolumeAttachment } from 'kubernetes-types/storage/v1'
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from './devices.ts'
import type { KubeObject } from './object.ts'

export type ServiceCidr = KubeObject & {
  spec?: { cidrs?: string[] }
  status?: { conditions?: Condition[] }
}
export type IpAddress = KubeObject & {
  spec?: { parentRef?: { group?: string; resource?: string; namespace?: string; name?: string } }
}

/** Where objects of one kind are found. `T` ties the descriptor to the type of its objects. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  readonly group: string
  readonly version: string
  /** Lower-case plural, as in URLs. */
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly _object?: T
}

const namespaced = <T extends KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
): ResourceType<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
})
const global = <T extends KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
): ResourceType<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced: false,
})

export const namespaces = global<Namespace>('', 'v1', 'namespaces', 'Namespace')
export const nodes = global<Node>('', 'v1', 'nodes', 'Node')
export const persistentVolumes = global<PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume')
export const pods = namespaced<Pod>('', 'v1', 'pods', 'Pod')
export const services = namespaced<Service>('', 'v1', 'services', 'Service')
export const endpoints = namespaced<Endpoints>('', 'v1', 'endpoints', 'Endpoints')
export const configMaps = namespaced<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap')
export const secrets = namespaced<Secret>('', 'v1', 'secrets', 'Secret')
export const serviceAccounts = namespaced<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount')
export const events = namespaced<Event>('', 'v1', 'events', 'Event')
export const replicationControllers = namespaced<ReplicationController>(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
)
export const persistentVolumeClaims = namespaced<PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
)
export const resourceQuotas = namespaced<ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota')
export const limitRanges = namespaced<LimitRange>('', 'v1', 'limitranges', 'LimitRange')
export const deployments = namespaced<Deployment>('apps', 'v1', 'deployments', 'Deployment')
export const replicaSets = namespaced<ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet')
export const statefulSets = namespaced<StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet')
export const daemonSets = namespaced<DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet')
export const controllerRevisions = namespaced<ControllerRevision>(
  'apps',
  'v1',
  'controllerrevisions',
  'ControllerRevision',
)
export const horizontalPodAutoscalers = namespaced<HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
)
export const jobs = namespaced<Job>('batch', 'v1', 'jobs', 'Job')
export const cronJobs = namespaced<CronJob>('batch', 'v1', 'cronjobs', 'CronJob')
export const podDisruptionBudgets = namespaced<PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
)
export const endpointSlices = namespaced<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice')
export const ingresses = namespaced<Ingress>('networking.k8s.io', 'v1', 'ingresses', 'Ingress')
export const ingressClasses = global<IngressClass>('networking.k8s.io', 'v1', 'ingressclasses', 'IngressClass')
export const networkPolicies = namespaced<NetworkPolicy>('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy')
export const serviceCidrs = global<ServiceCidr>('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR')
export const ipAddresses = global<IpAddress>('networking.k8s.io', 'v1', 'ipaddresses', 'IPAddress')
export const leases = namespaced<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease')
export const runtimeClasses = global<RuntimeClass>('node.k8s.io', 'v1', 'runtimeclasses', 'RuntimeClass')
export const csiDrivers = global<CSIDriver>('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver')
export const volumeAttachments = global<VolumeAttachment>(
  'storage.k8s.io',
  'v1',
  'volumeattachments',
  'VolumeAttachment',
)
export const csiNodes = global<CSINode>('storage.k8s.io', 'v1', 'csinodes', 'CSINode')
export const storageClasses = global<StorageClass>('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass')
export const roles = namespaced<Role>('rbac.authorization.k8s.io', 'v1', 'roles', 'Role')
export const roleBindings = namespaced<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding')
export const clusterRoles = global<ClusterRole>('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole')
export const certificateSigningRequests = global<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
)
export const clusterRoleBindings = global<ClusterRoleBinding>(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterrolebindings',
  'ClusterRoleBinding',
)
export const deviceClasses = global<DeviceClass>('resource.k8s.io', 'v1', 'deviceclasses', 'DeviceClass')
export const resourceClaims = namespaced<ResourceClaim>('resource.k8s.io', 'v1', 'resourceclaims', 'ResourceClaim')
export const resourceClaimTemplates = namespaced<ResourceClaimTemplate>(
  'resource.k8s.io',
  'v1',
  'resourceclaimtemplates',
  'ResourceClaimTemplate',
)
export const resourceSlices = global<ResourceSlice>('resource.k8s.io', 'v1', 'resourceslices', 'ResourceSlice')

/** `v1` for the core group, `group/version` otherwise. */
export const apiVersionOf = (type: Pick<ResourceType, 'group' | 'version'>): string =>
  type.group ? `${type.group}/${type.version}` : type.version

/** The URL path of a collection or, with a name, of one object or its subresource. */
export function resourcePath(
  type: Pick<ResourceType, 'group' | 'version' | 'plural' | 'namespaced'>,
  where: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string {
  const root = type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`
  const scope = type.namespaced && where.namespace ? `/namespaces/${encodeURIComponent(where.namespace)}` : ''
  const name = where.name === undefined ? '' : `/${encodeURIComponent(where.name)}`
  return `${root}${scope}/${type.plural}${name}${where.subresource ? `/${where.subresource}` : ''}`
}
