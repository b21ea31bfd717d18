import type { Deployment } from 'kubernetes-types/apps/v1'
import type { Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseGoDuration } from '#shared/kube/duration.ts'
import type { PodMetrics } from '#shared/kube/metrics.ts'
import type { KubeList } from '#shared/kube/object.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import { extensionServer } from '../support/extension-server.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await up()
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const sample = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: hello }
spec:
  selector: { matchLabels: { app: hello } }
  template:
    metadata: { labels: { app: hello } }
    spec:
      terminationGracePeriodSeconds: 3
      containers:
        - name: hello
          image: wheelhouse/hello:v1
          resources: { requests: { cpu: 100m } }
          readinessProbe: { httpGet: { path: /readyz, port: 8000 }, periodSeconds: 1 }
`
const autoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: hello }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: hello }
  minReplicas: 1
  maxReplicas: 3
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }]
  behavior: { scaleDown: { stabilizationWindowSeconds: 0 } }
`

const apply = async (text: string): Promise<void> => {
  const { code, stderr } = await cluster.kubectl.run(['apply', '-f', '-'], text)
  expect([code, stderr]).toEqual([0, ''])
}

/** Whether the usage of the only pod was measured since it became ready: before, an autoscaler does not count it. */
async function isMeasured(): Promise<boolean> {
  const k = cluster.kubectl
  const path = '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods'
  const { items } = JSON.parse(await k('get', '--raw', path)) as KubeList<PodMetrics>
  const pods = await k.json<KubeList<Pod>>('get', 'pods')
  const ready = pods.items[0]?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? ''
  const { timestamp = '', window = '' } = items[0] ?? {}
  return Date.parse(timestamp) - parseGoDuration(window)! > Date.parse(ready)
}

// Under 60 s where the machine is free: looks are 15 s apart, and usage is known of every 10 s.
it('drives the sample out under load, and back in afterwards', async () => {
  const k = cluster.kubectl
  await apply(sample)
  await k('rollout', 'status', 'deployment/hello', '--timeout=50s')
  await k('exec', 'deployment/hello', '--', 'curl', '-s', '-X', 'POST', 'localhost:8000/stress?seconds=20')
  await eventually('usage that counts', isMeasured, 30_000)
  await apply(autoscaler)
  const replicas = async () => (await k.json<Deployment>('get', 'deployment', 'hello')).spec?.replicas
  await eventually('three replicas', async () => (await replicas()) === 3)
  const described = await eventually('conditions', async () => {
    const text = await k('describe', 'hpa', 'hello')
    return text.includes('SuccessfulRescale') && text.includes('ScalingLimited') && text
  })
  expect(described).toMatch(/AbleToScale\s+True\s+SucceededRescale\s+the HPA controller was able to update the target/)
  expect(described).toMatch(/ScalingActive\s+True\s+ValidMetricFound\s+the HPA was able to successfully calculate a/)
  expect(described).toMatch(/ScalingLimited\s+True\s+TooManyReplicas\s+the desired replica count is more than the/)
  expect(described).toMatch(/Normal\s+SuccessfulRescale.*New size: 3; reason: cpu resource utilization/)

  await eventually('one replica again', async () => (await replicas()) === 1, 60_000)
  await eventually('that it is told', async () =>
    (await k('describe', 'hpa', 'hello')).includes('New size: 1; reason: All metrics below target'),
  )
}, 120_000)

it('scales a custom resource by a metric of an API server behind this one', async () => {
  const k = cluster.kubectl
  const at = '/apis/external.metrics.k8s.io/v1beta1'
  const users = new Set<string>()
  await using _ = await extensionServer(cluster, {
    group: 'external.metrics.k8s.io',
    version: 'v1beta1',
    answer(path, user) {
      if (path === at)
        return {
          kind: 'APIResourceList',
          apiVersion: 'v1',
          groupVersion: 'external.metrics.k8s.io/v1beta1',
          resources: [],
        }
      if (path !== `${at}/namespaces/default/queue`) return undefined
      users.add(user)
      return { metadata: {}, items: [{ metricName: 'queue', timestamp: '2026-01-01T00:00:00Z', value: '35' }] }
    },
  })
  await k('wait', 'apiservice/v1beta1.external.metrics.k8s.io', '--for', 'condition=Available', '--timeout', '20s')
  await apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.sea.example }
spec:
  group: sea.example
  names: { kind: Boat, plural: boats }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
      subresources:
        scale: { specReplicasPath: .spec.crew, statusReplicasPath: .status.crew, labelSelectorPath: .status.selector }
`)
  await k('wait', 'crd/boats.sea.example', '--for', 'condition=Established', '--timeout', '20s')
  await apply(`
apiVersion: sea.example/v1
kind: Boat
metadata: { name: nina }
spec: { crew: 2 }
status: { crew: 2, selector: boat=nina }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: nina }
spec:
  scaleTargetRef: { apiVersion: sea.example/v1, kind: Boat, name: nina }
  maxReplicas: 10
  metrics: [{ type: External, external: { metric: { name: queue }, target: { type: AverageValue, averageValue: "10" } } }]
`)
  await eventually('a larger crew', async () => (await k('get', 'boat', 'nina', '-o', 'jsonpath={.spec.crew}')) === '4')
  expect([...users]).toEqual(['system:serviceaccount:kube-system:horizontal-pod-autoscaler'])
  await eventually('what it is scaled by', async () => (await k('get', 'hpa', 'nina')).includes('17500m/10 (avg)'))
}, 60_000)
