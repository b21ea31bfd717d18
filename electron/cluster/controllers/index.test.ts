import { expect, it } from 'vitest'
import * as resources from '#shared/kube/resources.ts'
import { deployments, endpointSlices, nodes, pods, serviceAccounts } from '#shared/kube/resources.ts'
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

it('runs all loops together, each as itself, and leaves nothing behind', async () => {
  const clock = new FakeClock()
  const random = seededRandom(3)
  const client = new FakeClient({
    clock,
    random,
    objects: [namespace('default'), node('n'), service('web', { metadata: { uid: 'service-uid' } })],
  })
  const base = deployment('web')
  client.seed({ ...base, spec: { ...base.spec!, replicas: 3 } })
  const identities = new Set<string>()
  const informers = new InformerFactory({ client, clock, random, logger: silentLogger })
  const controllers = await startControllers({
    client: ({ name }: Identity) => {
      identities.add(name)
      return client
    },
    informers,
    discovery: { resources: async () => ({ resources: served, failures: [] }) },
    clock,
    random,
    logger: silentLogger,
    trace: new TraceRing({ clock }),
    rootCa: 'PEM',
    podCidr: '10.244.0.0/16',
    signToken: () => 'token',
    signRequest: () => 'PEM',
  })
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
