import type { DaemonSet, StatefulSet } from 'kubernetes-types/apps/v1'
import type { Event, Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

const template = (app: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'hello',
        image: 'wheelhouse/hello:v1',
        ports: [{ name: 'http', containerPort: 8000 }],
        readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
      },
    ],
    ...more,
  },
})
const selects = (app: string) => ({ selector: { matchLabels: { app } } })
const manifests = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 8000 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web' },
    spec: { serviceName: 'web', replicas: 2, ...selects('web'), template: template('web') },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent' },
    spec: {
      ...selects('agent'),
      updateStrategy: { rollingUpdate: { maxUnavailable: 2 } },
      template: template('agent', { tolerations: [{ operator: 'Exists' }] }),
    },
  },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'old' },
    spec: { replicas: 1, selector: { app: 'old' }, template: template('old') },
  },
]
const nodes = ['simulated-1', 'simulated-2', 'simulated-3', 'wheelhouse']

let cluster: TestCluster
let k: Kubectl
beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=3'])
  k = cluster.kubectl
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const podsOf = async (app: string) => (await k.json<KubeList<Pod>>('get', 'pods', '-l', `app=${app}`)).items
const versions = async () =>
  Object.fromEntries(
    (await podsOf('web')).map((pod) => [pod.metadata!.name!, pod.spec!.containers[0]!.image!.slice(-2)]),
  )

describe('workloads of sets', () => {
  it('are applied without a word of warning', async () => {
    const { code, stderr } = await k.run(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }),
    )
    expect([code, stderr]).toEqual([0, ''])
  })

  it('a stateful set starts its pods in order, each with a name in DNS', async () => {
    await k('rollout', 'status', 'statefulset/web', '--timeout=50s')
    const pods = await podsOf('web')
    expect(pods.map((pod) => pod.metadata!.name)).toEqual(['web-0', 'web-1'])
    const startedAfter = Date.parse(pods[1]!.metadata!.creationTimestamp!)
    const ready = pods[0]!.status!.conditions!.find(({ type }) => type === 'Ready')!
    expect(startedAfter).toBeGreaterThanOrEqual(Date.parse(ready.lastTransitionTime!))
    const answer = await k('exec', 'web-0', '--', 'wget', '-q', '-O', '-', 'http://web-1.web:8000/')
    expect(JSON.parse(answer)).toMatchObject({ pod: 'web-1' })
    expect(await k('exec', 'web-1', '--', 'cat', '/etc/hosts')).toContain(
      '\tweb-1.web.default.svc.cluster.local\tweb-1\n',
    )
    expect(await k('get', 'statefulset', 'web', '-o', 'wide')).toMatch(/web +2\/2 +\S+ +hello +wheelhouse\/hello:v1/)
  })

  it('a daemon set has one pod on every node, bound there by the scheduler', async () => {
    await k('rollout', 'status', 'daemonset/agent', '--timeout=50s')
    const pods = await podsOf('agent')
    expect(pods.map((pod) => pod.spec!.nodeName!).sort()).toEqual(nodes)
    const { status } = await k.json<DaemonSet>('get', 'daemonset', 'agent')
    expect(status).toMatchObject({ desiredNumberScheduled: 4, numberAvailable: 4, updatedNumberScheduled: 4 })
  })

  it('a daemon set is restarted a few nodes at a time, and goes back to what it was', async () => {
    const before = new Set((await podsOf('agent')).map((pod) => pod.metadata!.uid))
    await k('rollout', 'restart', 'daemonset/agent')
    await k('rollout', 'status', 'daemonset/agent', '--timeout=50s')
    const after = await podsOf('agent')
    expect(after.map((pod) => pod.spec!.nodeName!).sort()).toEqual(nodes)
    expect(after.filter((pod) => before.has(pod.metadata!.uid))).toEqual([])
    expect(await k('rollout', 'history', 'daemonset/agent')).toMatch(/\n1 .*\n2 /)
    await k('rollout', 'undo', 'daemonset/agent')
    await eventually('the first revision the newest', async () =>
      /\n2 .*\n3 /.test(await k('rollout', 'history', 'daemonset/agent')),
    )
    const { spec } = await k.json<DaemonSet>('get', 'daemonset', 'agent')
    expect(spec!.template.metadata?.annotations).toBeUndefined()
  })

  it('a stateful set is scaled, updated down to the partition, and taken back', async () => {
    await k('scale', 'statefulset/web', '--replicas=3')
    await k('patch', 'statefulset', 'web', '-p', '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}')
    await k('rollout', 'status', 'statefulset/web', '--timeout=50s')
    await k('set', 'image', 'statefulset/web', 'hello=wheelhouse/hello:v2')
    await k('rollout', 'status', 'statefulset/web', '--timeout=50s')
    expect(await versions()).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'v2' })
    const { status } = await k.json<StatefulSet>('get', 'statefulset', 'web')
    expect(status).toMatchObject({ replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1 })
    expect(status!.currentRevision).not.toBe(status!.updateRevision)
    expect(await k('rollout', 'history', 'statefulset/web', '--revision=2')).toContain('wheelhouse/hello:v2')
    await k('rollout', 'undo', 'statefulset/web')
    await k('wait', 'statefulset/web', '--for=jsonpath={.status.updatedReplicas}=3', '--timeout=50s')
    expect(await versions()).toEqual({ 'web-0': 'v1', 'web-1': 'v1', 'web-2': 'v1' })
    expect(await k('rollout', 'history', 'statefulset/web')).toMatch(/\n2 .*\n3 /)
    expect(await k('get', 'controllerrevisions')).toMatch(/web-\w+ +statefulset.apps\/web +3/)
  })

  it('a replication controller is scaled', async () => {
    await k('scale', 'rc/old', '--replicas=2')
    await k('wait', 'rc/old', '--for=jsonpath={.status.replicas}=2', '--timeout=20s')
    expect(await podsOf('old')).toHaveLength(2)
    expect(await k('get', 'rc', 'old')).toMatch(/old +2 +2 +\d/)
  })

  it('take their pods and their history with them when they are deleted', async () => {
    await k('delete', 'service/web', 'statefulset/web', 'daemonset/agent', 'rc/old')
    // It may be that they are gone already, which `wait` takes for a mistake.
    await k.run(['wait', 'pods', '--all', '--for=delete', '--timeout=20s'])
    await eventually('nothing left', async () => {
      const { items } = await k.json<KubeList<Pod>>('get', 'pods,controllerrevisions')
      return items.length === 0
    })
    const { items } = await k.json<KubeList<Event>>('get', 'events')
    expect(items.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        'create Pod web-0 in StatefulSet web successful',
        'delete Pod web-2 in StatefulSet web successful',
      ]),
    )
  })
})
