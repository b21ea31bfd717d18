import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { deployments, endpointSlices, nodes, pods, serviceAccounts } from '#shared/kube/resources.ts'
import { accountName } from '#shared/kube/service-account-tokens.ts'
import { internal } from '#shared/kube/status.ts'
import { FakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { TraceRing } from '../base/trace.ts'
import type { ServedResource } from '../client/api.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { startControllers, type Identity } from './index.ts'
import { deployment, namespace, node, readyStatus, service } from './framework/testing/builders.ts'

const served = Object.values(resources)
  .filter((type) => typeof type === 'object')
  .map((type): ServedResource => ({ ...type, verbs: ['delete', 'list', 'watch'] }))

async function start(client: FakeClient, clock: FakeClock, acts: (identity: Identity) => void = () => {}) {
  const random = seededRandom(3)
  const trace = new TraceRing({ clock })
  const informers = new InformerFactory({ client, clock, random, logger: silentLogger })
  const controllers = await startControllers({
    client: (identity) => {
      acts(identity)
      return client
    },
    informers,
    discovery: { resources: async () => ({ resources: served, failures: [] }) },
    clock,
    random,
    logger: silentLogger,
    trace,
    rootCa: 'PEM',
    podCidr: '10.244.0.0/16',
    signToken: () => 'token',
    signRequest: () => 'PEM',
  })
  return { informers, controllers, trace }
}

it('runs all loops together, each as itself, and leaves nothing behind', async () => {
  const clock = new FakeClock()
  const client = new FakeClient({
    clock,
    random: seededRandom(3),
    objects: [namespace('default'), node('n'), service('web', { metadata: { uid: 'service-uid' } })],
  })
  const base = deployment('web')
  client.seed({ ...base, spec: { ...base.spec!, replicas: 3 } })
  const identities = new Set<string>()
  const { informers, controllers } = await start(client, clock, ({ name }) => void identities.add(name))
  await clock.advance(10)
  for (const { metadata } of client.stored(pods))
    client.change(pods, { namespace: 'default', name: metadata!.name! }, (pod) =>
      Object.assign(pod, { spec: { ...pod.spec, nodeName: 'n' }, status: readyStatus() }),
    )
  await clock.advance(10)

  const key = { namespace: 'default', name: 'web' }
  expect(client.find(deployments, key)?.status?.availableReplicas).toBe(3)
  expect(client.stored(endpointSlices).flatMap((slice) => slice.endpoints)).toHaveLength(3)
  expect(client.find(nodes, { name: 'n' })?.spec?.podCIDR).toBe('10.244.0.0/24')
  expect(client.find(serviceAccounts, { namespace: 'default', name: 'default' })).toBeDefined()
  expect(identities).toContain('system:serviceaccount:kube-system:replicaset-controller')

  await client.delete(deployments, key, { propagationPolicy: 'Foreground' })
  await clock.advance(100)
  for (const { metadata } of client.stored(pods)) client.remove(pods, { namespace: 'default', name: metadata!.name! })
  await clock.advance(100)
  expect([client.stored(deployments), client.stored(resources.replicaSets)]).toEqual([[], []])
  await controllers[Symbol.asyncDispose]()
  await informers[Symbol.asyncDispose]()
  expect([clock.pending, client.watchers]).toEqual([0, 0])
})

it('traces what a loop failed to write with the user that the server knows it as', async () => {
  const clock = new FakeClock()
  const serviceCidr = { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } }
  const objects: KubeObject[] = [
    { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', ...serviceCidr } as KubeObject,
    service('web', { spec: { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] } }),
    deployment('web'),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'robot', uid: 'u' } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'token', annotations: { [accountName]: 'robot' } },
      type: 'kubernetes.io/service-account-token',
    } as KubeObject,
  ]
  const client = new FakeClient({ clock, random: seededRandom(3), objects })
  const refuse = () => {
    throw internal('not today')
  }
  client.react('create', 'ipaddresses', refuse)
  client.react('create', 'replicasets', refuse)
  client.react('update', 'secrets', refuse)
  const { informers, controllers, trace } = await start(client, clock)
  await clock.advance(10)
  const users = new Map(trace.entries().map(({ kind, user }) => [kind.plural, user]))
  expect(Object.fromEntries(users)).toMatchObject({
    ipaddresses: 'system:apiserver',
    replicasets: 'system:serviceaccount:kube-system:deployment-controller',
    secrets: 'system:kube-controller-manager',
  })
  await controllers[Symbol.asyncDispose]()
  await informers[Symbol.asyncDispose]()
})
