import { FakeCluster, type FakeObject } from './fake-cluster.ts'
import { makePod, podTemplate } from './fake-pods.ts'

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

export interface WorldOptions {
  /** Pods beside those of the deployments, spread over namespaces. */
  extraPods?: number
  empty?: boolean
}

/** A small cluster in which something is well, something rolls out and something is broken. */
export function fakeWorld({ extraPods = 0, empty = false }: WorldOptions = {}): FakeCluster {
  const cluster = new FakeCluster()
  for (const name of ['default', 'kube-system', 'kube-public', 'shop', 'shop-staging', 'observability']) {
    cluster.put('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, creationTimestamp: ago(60 * 24 * 12) },
      status: { phase: 'Active' },
    })
  }
  for (const [index, name] of ['wheelhouse', 'sim-1', 'sim-2', 'sim-3'].entries()) {
    cluster.put('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        creationTimestamp: ago(60 * 24 * 12),
        labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      },
      spec:
        index === 3
          ? { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }
          : {},
      status: {
        capacity: { cpu: '8', memory: '16332456Ki', pods: '110', 'ephemeral-storage': '102350Mi' },
        allocatable: { cpu: '7800m', memory: '15300000Ki', pods: '110', 'ephemeral-storage': '102350Mi' },
        addresses: [
          { type: 'InternalIP', address: `10.0.0.${index + 2}` },
          { type: 'Hostname', address: name },
        ],
        nodeInfo: {
          kubeletVersion: 'v1.36.2+wheelhouse',
          containerRuntimeVersion: index ? 'simulated://1' : 'process://1',
          osImage: 'Debian GNU/Linux 13',
          architecture: 'amd64',
          kernelVersion: '6.12.0',
        },
        conditions: [
          {
            type: 'MemoryPressure',
            status: 'False',
            reason: 'KubeletHasSufficientMemory',
            message: 'kubelet has sufficient memory available',
            lastTransitionTime: ago(900),
          },
          {
            type: 'DiskPressure',
            status: 'False',
            reason: 'KubeletHasNoDiskPressure',
            message: 'kubelet has no disk pressure',
            lastTransitionTime: ago(900),
          },
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            message: 'kubelet is posting ready status',
            lastTransitionTime: ago(900),
          },
        ],
      },
    })
  }
  if (empty) return cluster

  deployment(cluster, 'default', 'hello', 'wheelhouse/hello:v2', 5, 'ready')
  deployment(cluster, 'shop', 'storefront', 'registry.example/shop/storefront:2026.11.4', 3, 'ready')
  deployment(cluster, 'shop', 'checkout', 'registry.example/shop/checkout:1.48.0', 4, 'stalled')
  deployment(cluster, 'shop', 'catalogue', 'registry.example/shop/catalogue:7.2.1', 2, 'ready')
  deployment(cluster, 'kube-system', 'coredns', 'registry.k8s.io/coredns/coredns:v1.12.4', 2, 'ready')
  deployment(cluster, 'observability', 'collector', 'otel/opentelemetry-collector:0.140.0', 0, 'ready')

  cluster.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hello-config', namespace: 'default', creationTimestamp: ago(300) },
    data: { APP_NAME: 'hello', LOG_LEVEL: 'info', MAX_STRESS_SECONDS: '30' },
  })
  cluster.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-root-ca.crt', namespace: 'default', creationTimestamp: ago(9000) },
    data: { 'ca.crt': '-----BEGIN CERTIFICATE-----\nMIIC…\n-----END CERTIFICATE-----\n' },
  })
  cluster.put('secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'payment-gateway', namespace: 'shop', creationTimestamp: ago(5000) },
    data: {
      username: btoa('shop'),
      password: btoa('correct horse battery staple'),
      'keystore.p12': btoa('\x00\x01\x02\xff'),
    },
  })
  service(cluster, 'default', 'hello', 8080, 'LoadBalancer')
  service(cluster, 'shop', 'storefront', 80, 'ClusterIP')
  service(cluster, 'shop', 'checkout', 443, 'ClusterIP')
  if (extraPods) cluster.fill('pods', manyPods(extraPods))
  return cluster
}

function service(cluster: FakeCluster, namespace: string, name: string, port: number, type: string): void {
  cluster.put('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, creationTimestamp: ago(300), labels: { app: name } },
    spec: {
      type,
      clusterIP: `10.96.${port % 250}.12`,
      selector: { app: name },
      ports: [{ name: 'http', port, targetPort: 'http', protocol: 'TCP' }],
    },
    status: type === 'LoadBalancer' ? { loadBalancer: { ingress: [{ hostname: 'localhost' }] } } : { loadBalancer: {} },
  })
}

function deployment(
  cluster: FakeCluster,
  namespace: string,
  name: string,
  image: string,
  replicas: number,
  state: 'ready' | 'stalled',
): void {
  const stalled = state === 'stalled'
  const template = podTemplate(name, image)
  const made = cluster.put('deployments.apps', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      creationTimestamp: ago(60 * 26),
      generation: 2,
      labels: { app: name },
      annotations: { 'deployment.kubernetes.io/revision': '2' },
    },
    spec: {
      replicas,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: name } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template,
    },
    status: {
      observedGeneration: 2,
      replicas: stalled ? replicas + 1 : replicas,
      updatedReplicas: stalled ? 1 : replicas,
      readyReplicas: stalled ? replicas : replicas,
      availableReplicas: stalled ? replicas : replicas,
      conditions: [
        {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
          lastTransitionTime: ago(200),
        },
        stalled
          ? {
              type: 'Progressing',
              status: 'False',
              reason: 'ProgressDeadlineExceeded',
              message: `ReplicaSet "${name}-7d4b9c6f58" has timed out progressing.`,
              lastTransitionTime: ago(12),
            }
          : {
              type: 'Progressing',
              status: 'True',
              reason: 'NewReplicaSetAvailable',
              message: `ReplicaSet "${name}-7d4b9c6f58" has successfully progressed.`,
              lastTransitionTime: ago(200),
            },
      ],
    },
  })
  const set = (suffix: string, revision: number, count: number, setImage: string): FakeObject =>
    cluster.put('replicasets.apps', {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${suffix}`,
        namespace,
        creationTimestamp: ago(revision === 1 ? 1500 : 220),
        labels: { app: name },
        annotations: { 'deployment.kubernetes.io/revision': String(revision) },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: made.metadata.uid, controller: true },
        ],
      },
      spec: { replicas: count, selector: { matchLabels: { app: name } }, template: podTemplate(name, setImage) },
      status: { replicas: count, readyReplicas: stalled && revision === 2 ? 0 : count, availableReplicas: count },
    })
  const old = set('5f6d8b4c79', 1, stalled ? replicas : 0, image.replace(/:[^:]+$/, ':v1'))
  const now = set('7d4b9c6f58', 2, stalled ? 1 : replicas, image)
  for (let i = 0; i < replicas; i++)
    cluster.put('pods', makePod({ namespace, owner: stalled ? old : now, app: name, image, index: i }))
  if (!stalled) return
  const broken = cluster.put('pods', makePod({ namespace, owner: now, app: name, image, index: 9, crash: true }))
  event(
    cluster,
    broken,
    'Warning',
    'BackOff',
    'Back-off restarting failed container checkout in pod checkout-7d4b9c6f58-broken',
    37,
  )
  event(
    cluster,
    broken,
    'Warning',
    'Unhealthy',
    'Readiness probe failed: Get "http://10.244.0.19:8000/readyz": dial tcp 10.244.0.19:8000: connect: connection refused',
    12,
  )
  event(
    cluster,
    broken,
    'Normal',
    'Pulled',
    'Container image "registry.example/shop/checkout:1.48.0" already present on machine',
    4,
  )
}

export function event(
  cluster: FakeCluster,
  about: FakeObject,
  type: string,
  reason: string,
  message: string,
  count = 1,
): void {
  const { name, namespace = 'default', uid } = about.metadata
  cluster.put('events', {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${reason.toLowerCase()}${Math.round(performance.now())}`, namespace },
    involvedObject: { kind: about.kind, name, namespace, uid, apiVersion: about.apiVersion },
    type,
    reason,
    message,
    count,
    lastTimestamp: new Date().toISOString(),
  })
}

function* manyPods(count: number): Generator<FakeObject> {
  const namespaces = ['default', 'shop', 'shop-staging', 'observability']
  for (let i = 0; i < count; i++) {
    const pod = makePod({
      namespace: namespaces[i % 4]!,
      app: `load-${i % 97}`,
      image: 'wheelhouse/hello:v1',
      index: i,
      crash: i % 211 === 0,
      age: (i % 5000) + 1,
    })
    yield { ...pod, metadata: { ...pod.metadata, uid: `load-${i}` } } as FakeObject
  }
}
