import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { endpoints, services } from '#shared/kube/resources.ts'
import { pod, readyStatus, service } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { endpointsController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [endpointsController(parts)], objects)
const web = (name: string, ip: string, parts: Partial<Pod> = {}) =>
  pod(name, {
    spec: { nodeName: 'n', containers: [] },
    status: readyStatus('2026-01-01T00:00:00Z', ip),
    ...parts,
    metadata: { labels: { app: 'web' }, ...parts.metadata },
  })
const subsets = (h: Harness) =>
  h.client
    .find(endpoints, { namespace: 'default', name: 'web' })
    ?.subsets?.map(({ addresses, notReadyAddresses, ports }) => [
      addresses?.map((a) => a.ip).join(),
      notReadyAddresses?.map((a) => a.ip).join(),
      ports?.map((p) => p.port).join(),
    ])

it('groups pods with the same ports, ready and not ready apart, in order of address', async () => {
  await using h = await start(
    service('web'),
    web('c', '10.244.0.3', { status: { ...readyStatus('', '10.244.0.3'), conditions: [] } }),
    web('b', '10.244.0.2'),
    web('a', '10.244.0.1'),
  )
  expect(subsets(h)).toEqual([['10.244.0.1,10.244.0.2', '10.244.0.3', '8000']])
  const object = h.client.find(endpoints, { namespace: 'default', name: 'web' })
  expect(object?.metadata?.labels).toEqual({ 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' })
  expect(object?.subsets?.[0]?.addresses?.[0]).toEqual({
    ip: '10.244.0.1',
    nodeName: 'n',
    targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'a-uid' },
  })
})

it('leaves terminating pods out', async () => {
  const deletionTimestamp = '2026-01-01T00:00:30Z'
  await using h = await start(
    service('web'),
    web('a', '10.244.0.1', { metadata: { labels: { app: 'web' }, deletionTimestamp } }),
  )
  expect(subsets(h) ?? []).toEqual([])
})

it('packs several ports into one subset', async () => {
  const ports = [
    { name: 'b', port: 81, targetPort: 9000 as never },
    { name: 'a', port: 80, targetPort: 8000 as never },
  ]
  await using h = await start(service('web', { spec: { ...service('web').spec, ports } }), web('a', '10.244.0.1'))
  expect(subsets(h)).toEqual([['10.244.0.1', undefined, '8000,9000']])
})

it('cuts at 1,000 addresses and says so', async () => {
  const pods = Array.from({ length: 1001 }, (_, i) => web(`p${i}`, `10.244.${i >> 8}.${i & 255}`))
  await using h = await start(service('web'), ...pods)
  const object = h.client.find(endpoints, { namespace: 'default', name: 'web' })
  expect(object?.subsets?.[0]?.addresses).toHaveLength(1000)
  expect(object?.metadata?.annotations).toHaveProperty(['endpoints.kubernetes.io/over-capacity'], 'truncated')
})

it('deletes the object with its service, but none that was made without one', async () => {
  const manual = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'manual', namespace: 'default' } }
  await using h = await start(service('web'), manual)
  h.client.remove(services, { namespace: 'default', name: 'web' })
  await h.run()
  expect(h.client.stored(endpoints).map((e) => e.metadata?.name)).toEqual(['manual'])
})

it('does not touch the endpoints of a service without a selector', async () => {
  const own = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'default' }, subsets: [] }
  await using h = await start(service('web', { spec: { ports: [], selector: undefined as never } }), own)
  await h.run(1000)
  expect(h.client.writes()).toEqual([])
})
