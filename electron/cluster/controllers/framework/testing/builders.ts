import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from 'kubernetes-types/apps/v1'
import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Service,
} from 'kubernetes-types/core/v1'
import type { StorageClass } from 'kubernetes-types/storage/v1'
import type { ObjectMeta } from '#shared/kube/object.ts'

type Parts<T> = { metadata?: ObjectMeta } & Partial<Omit<T, 'metadata' | 'apiVersion' | 'kind'>>

type WithPartOfSpec<T extends { spec?: object }> = Omit<Parts<T>, 'spec'> & { spec?: Partial<NonNullable<T['spec']>> }

const meta = (name: string, metadata?: ObjectMeta): ObjectMeta => ({
  name,
  namespace: 'default',
  uid: `${name}-uid`,
  ...metadata,
})

export const pod = (name: string, { metadata, ...parts }: Parts<Pod> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name, metadata),
  spec: { containers: [] },
  status: { phase: 'Pending' },
  ...parts,
})

/** Status of a pod that runs and is ready since `since`. */
export const readyStatus = (since = '2026-01-01T00:00:00Z', podIP = '10.244.0.1'): NonNullable<Pod['status']> => ({
  phase: 'Running',
  podIP,
  podIPs: [{ ip: podIP }],
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
})

export const replicaSet = (name: string, { metadata, spec, ...parts }: Parts<ReplicaSet> = {}): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: meta(name, { generation: 1, ...metadata }),
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
  ...parts,
})

export const deployment = (name: string, { metadata, spec, ...parts }: Parts<Deployment> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: meta(name, { generation: 1, ...metadata }),
  ...parts,
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
  },
})

const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'v1' }] },
})

export const replicationController = (
  name: string,
  { metadata, spec, ...parts }: Parts<ReplicationController> = {},
): ReplicationController => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: meta(name, { generation: 1, ...metadata }),
  spec: { replicas: 1, selector: { app: name }, template: template(name), ...spec },
  ...parts,
})

export const statefulSet = (name: string, { metadata, spec, ...parts }: Parts<StatefulSet> = {}): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: meta(name, { generation: 1, ...metadata }),
  ...parts,
  spec: {
    replicas: 3,
    serviceName: name,
    selector: { matchLabels: { app: name } },
    template: template(name),
    podManagementPolicy: 'OrderedReady',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    revisionHistoryLimit: 10,
    ...spec,
  },
})

export const daemonSet = (name: string, { metadata, spec, ...parts }: Parts<DaemonSet> = {}): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: meta(name, { generation: 1, ...metadata }),
  ...parts,
  spec: {
    selector: { matchLabels: { app: name } },
    template: template(name),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    revisionHistoryLimit: 10,
    ...spec,
  },
})

export const service = (name: string, { metadata, spec, ...parts }: Parts<Service> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name, metadata),
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.96.0.9',
    ipFamilies: ['IPv4'],
    selector: { app: name },
    ports: [{ name: 'http', port: 80, targetPort: 8000, protocol: 'TCP' }],
    ...spec,
  },
  ...parts,
})

export const node = (name: string, { metadata, ...parts }: Parts<Node> = {}): Node => {
  const { namespace: _, ...rest } = meta(name, metadata)
  return { apiVersion: 'v1', kind: 'Node', metadata: rest, ...parts }
}

export const namespace = (name: string, { metadata, ...parts }: Parts<Namespace> = {}): Namespace => {
  const { namespace: _, ...rest } = meta(name, metadata)
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: rest,
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
    ...parts,
  }
}

/** As the API server has defaulted it; it selects the pods with the label `job: <name>`. */
export const job = (name: string, { metadata, spec, ...parts }: WithPartOfSpec<Job> = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: meta(name, { generation: 1, ...metadata }),
  ...parts,
  spec: {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    selector: { matchLabels: { job: name } },
    template: {
      metadata: { labels: { job: name } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
    },
    ...spec,
  },
})

export const cronJob = (name: string, { metadata, spec, ...parts }: WithPartOfSpec<CronJob> = {}): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: meta(name, { generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata }),
  ...parts,
  spec: {
    schedule: '*/10 * * * *',
    concurrencyPolicy: 'Allow',
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
    jobTemplate: {
      metadata: { labels: { made: 'by-cron' } },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    },
    ...spec,
  },
})

export const volume = (name: string, { metadata, spec, ...parts }: Parts<PersistentVolume> = {}): PersistentVolume => {
  const { namespace: _, ...rest } = meta(name, metadata)
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: rest,
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      volumeMode: 'Filesystem',
      hostPath: { path: `/data/${name}` },
      ...spec,
    },
    status: { phase: 'Pending' },
    ...parts,
  }
}

export const volumeClaim = (
  name: string,
  { metadata, spec, ...parts }: Parts<PersistentVolumeClaim> = {},
): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: meta(name, metadata),
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    volumeMode: 'Filesystem',
    ...spec,
  },
  status: { phase: 'Pending' },
  ...parts,
})

export const storageClass = (name: string, { metadata, ...parts }: Parts<StorageClass> = {}): StorageClass => {
  const { namespace: _, ...rest } = meta(name, metadata)
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: rest,
    provisioner: 'example.com/disks',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    ...parts,
  }
}
