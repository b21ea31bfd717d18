import { expect, it, onTestFinished } from 'vitest'
import type { KubeObject, WatchEvent } from '#shared/kube/object.ts'
import {
  configMaps,
  deployments,
  events,
  leases,
  nodes,
  pods,
  replicaSets,
  resourceQuotas,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
} from '#shared/kube/resources.ts'
import { traces, type Trace } from '#shared/kube/trace.ts'
import { fullServer, type FullServer } from '../apiserver/testing/full-server.ts'
import { systemClock } from '../base/clock.ts'
import type { TraceRef } from '../base/trace.ts'
import type { KubeClient } from '../client/api.ts'
import { referenceTo } from '../client/event-recorder.ts'
import { nameOf } from './trace-object.ts'
import { startTracing, type Tracing } from './tracing.ts'

async function start(): Promise<FullServer & { tracing: Tracing; told(): Promise<string[]> }> {
  const authorizer = () => server.api.authorizer
  const tracing = startTracing({ clock: systemClock, authorizer, client: () => server.client })
  const server: FullServer = await fullServer({ moreKinds: tracing.kinds, wrote: tracing.wrote })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const told = async () => {
    const { items } = await server.client.list(traces, { namespace: 'default' })
    return items.map(
      ({ component, action, object, change, cause }) =>
        `${component} ${action} ${object.kind} ${object.name}${change ? `: ${change}` : ''}${cause?.object ? ` < ${cause.object.name}` : ''}`,
    )
  }
  return { ...server, tracing, told }
}

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
}
const selector = { matchLabels: { app: 'web' } }
const deployment = { metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 3, selector, template } }
const pod = { metadata: { name: 'web-1', namespace: 'default' }, spec: template.spec }

/** Gives the user `viewer` a role in the namespace default. */
const bind = (client: KubeClient, kind: 'Role' | 'ClusterRole', name: string) =>
  client.create(roleBindings, {
    metadata: { name, namespace: 'default' },
    roleRef: { apiGroup: roleBindings.group, kind, name },
    subjects: [{ apiGroup: roleBindings.group, kind: 'User', name: 'viewer' }],
  })

it('tells a story from what a person did down to the container that started', async () => {
  const { client, as, told } = await start()
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  const person = as({ name: 'jane', groups: ['system:masters'] })
  const made = await person.create(deployments, deployment as never, { fieldManager: 'kubectl' })
  const cause = referenceTo(deployments, made) as never
  const controller = as({ name: 'system:serviceaccount:kube-system:deployment-controller', groups: ['system:masters'] })
  const set = await controller.create(
    replicaSets,
    { metadata: { name: 'web-abc', namespace: 'default' }, spec: { replicas: 3, selector, template } } as never,
    { cause },
  )
  const sets = as({ name: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:masters'] })
  const one = await sets.create(pods, pod as KubeObject, { cause: referenceTo(replicaSets, set) as never })
  const key = { namespace: 'default', name: 'web-1' }
  const scheduler = as({ name: 'system:kube-scheduler', groups: ['system:masters'] })
  await scheduler.post(pods, key, 'binding', {
    metadata: key,
    target: { kind: 'Node', name: 'n1' },
  } as KubeObject)
  const kubelet = as({ name: 'system:node:n1', groups: ['system:masters'] })
  await kubelet.create(events, {
    metadata: { name: 'web-1.started', namespace: 'default' },
    involvedObject: { kind: 'Pod', ...key, uid: one.metadata!.uid },
    reason: 'Started',
    message: 'Started container c',
    type: 'Normal',
  } as KubeObject)
  await kubelet.patch(pods, key, 'merge', { status: { phase: 'Running' } }, { subresource: 'status' })
  expect((await told()).slice(1)).toEqual([
    'kubectl create Deployment web: replicas 3',
    'deployment-controller create ReplicaSet web-abc: replicas 3 < web',
    'replicaset-controller create Pod web-1 < web-abc',
    'kube-scheduler binding Pod web-1: node n1 < web-1',
    'kubelet Started Pod web-1: Started container c < web-1',
    'kubelet update/status Pod web-1: phase Pending → Running < web-1',
  ])
  const { items } = await client.list(traces, { namespace: 'default' })
  items.shift()
  expect(new Set(items.map(({ root }) => root))).toEqual(new Set([items[0]!.id]))
  expect(items.map(({ depth }) => depth)).toEqual([0, 1, 2, 3, 4, 4])
  expect(items[0]).toMatchObject({ user: 'jane', component: 'kubectl' })
})

it('tells what a deletion waits for, and when the object is gone', async () => {
  const { client, told } = await start()
  const key = { namespace: 'default', name: 'held' }
  await client.create(configMaps, { metadata: { ...key, finalizers: ['example.com/hold'] } })
  await client.delete(configMaps, key)
  await client.patch(configMaps, key, 'merge', { metadata: { finalizers: null } })
  expect((await told()).map((line) => line.replace(/^\w+ /, ''))).toEqual([
    'create ConfigMap held',
    'delete ConfigMap held: waits for example.com/hold',
    'update ConfigMap held: finalizer example.com/hold removed, gone',
  ])
})

it('keeps neither heartbeats nor leases nor what changes nothing', async () => {
  const { as, client, told } = await start()
  const kubelet = as({ name: 'system:node:n1', groups: ['system:masters'] })
  await kubelet.create(nodes, { metadata: { name: 'n1' } })
  const ready = (lastHeartbeatTime: string) => ({
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] },
  })
  const beat = (time: string) =>
    kubelet.patch(nodes, { name: 'n1' }, 'strategic', ready(time), { subresource: 'status' })
  await beat('2026-01-01T00:00:00Z')
  await beat('2026-01-01T00:01:00Z')
  await client.create(leases, { metadata: { name: 'n1', namespace: 'default' } })
  expect(await told()).toEqual(['kubelet create Node n1', 'kubelet update/status Node n1: Ready True'])
})

it('shows nobody traces of objects that they may not get', async () => {
  const { api, client, as } = await start()
  const rules = [
    { apiGroups: ['trace.wheelhouse.dev'], resources: ['traces'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
  ]
  const namespace = 'default'
  await client.create(roles, { metadata: { name: 'viewer', namespace }, rules })
  await bind(client, 'Role', 'viewer')
  const viewer = as({ name: 'viewer', groups: [] })
  expect(api.authorizer).toBeDefined()
  const seen: string[] = []
  const stop = new AbortController()
  const watching = (async () => {
    const options = {
      namespace,
      signal: stop.signal,
      resourceVersion: (await viewer.list(traces, { namespace })).metadata.resourceVersion,
    }
    for await (const event of viewer.watch(traces, options) as AsyncIterable<WatchEvent<Trace>>) {
      seen.push(event.object.object.name)
      if (event.object.object.name === 'last') stop.abort()
    }
  })()
  await client.create(secrets, { metadata: { name: 'hidden', namespace } })
  await client.create(configMaps, { metadata: { name: 'shown', namespace } })
  const { items } = await viewer.list(traces, { namespace })
  expect(items.map(({ object }) => object.name)).toEqual(['shown'])
  const all = await client.list(traces, { namespace, fieldSelector: 'object.kind=Secret' })
  const key = { namespace, name: all.items[0]!.metadata!.name! }
  await expect(viewer.get(traces, key)).rejects.toThrow('not found')
  expect((await client.get(traces, key)).object.name).toBe('hidden')
  await client.create(configMaps, { metadata: { name: 'last', namespace } })
  await watching
  expect(seen.filter((name) => name !== 'shown')).toEqual(['last'])
})

it('is not told of actions that write nothing', async () => {
  const { client, told } = await start()
  const key = { namespace: 'default', name: 'default' }
  await client.create(serviceAccounts, { metadata: key })
  await client.post(serviceAccounts, key, 'token', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  } as KubeObject)
  expect((await told()).filter((line) => line.includes('ServiceAccount default'))).toEqual([
    expect.stringContaining('create ServiceAccount default'),
  ])
})

it('shows nobody what was caused by an object that they may not get, or of which nobody knows what it is', async () => {
  const { tracing, client, as } = await start()
  const namespace = 'default'
  const rules = [{ apiGroups: ['trace.wheelhouse.dev'], resources: ['traces'], verbs: ['get', 'list'] }]
  await client.create(roles, { metadata: { name: 'traces', namespace }, rules })
  await bind(client, 'Role', 'traces')
  // What `view` is made of; nothing aggregates roles here.
  await bind(client, 'ClusterRole', 'system:aggregate-to-view')
  const viewer = as({ name: 'viewer', groups: [] })
  const secret = await client.create(secrets, { metadata: { name: 'hidden', namespace } })
  const map = await client.create(configMaps, { metadata: { name: 'shown', namespace } })
  const key = { namespace, name: 'quota' }
  await client.create(resourceQuotas, { metadata: key })
  const causes = [
    { used: '1', cause: referenceTo(secrets, secret) },
    { used: '2', cause: referenceTo(configMaps, map) },
    // Of these nobody has seen a trace.
    { used: '3', cause: { apiVersion: 'v1', kind: 'Secret', namespace, name: 'old-secret' } },
    { used: '4', cause: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'old-map' } },
    { used: '5', cause: { apiVersion: 'example.com/v1', kind: 'Secretive', namespace, name: 'strange' } },
    { used: '6', cause: { kind: 'ConfigMap', namespace, name: 'vague' } },
  ]
  for (const { used, cause } of causes) {
    const status = { status: { used: { pods: used } } }
    await client.patch(resourceQuotas, key, 'merge', status, { subresource: 'status', cause: cause as TraceRef })
  }
  const caused = async (reader: KubeClient) =>
    (await reader.list(traces, { namespace })).items.flatMap(({ cause }) => cause?.object?.name ?? [])
  expect(await caused(viewer)).toEqual(['shown', 'old-map'])
  expect(await caused(client)).toEqual(['hidden', 'shown', 'old-secret', 'old-map', 'strange', 'vague'])
  const hidden = tracing.ring.entries().find(({ cause }) => cause?.name === 'hidden')!
  await expect(viewer.get(traces, { namespace, name: nameOf(hidden) })).rejects.toThrow('not found')
})
