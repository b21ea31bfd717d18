import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Capacity } from '#shared/ipc/capacity.ts'
import { nodes } from '#shared/kube/resources.ts'
import { SharedLists } from '../queries/shared-lists.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { capacityStreams } from './handlers.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
let lists: SharedLists
let outlet: FakeOutlet<Capacity>
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
  lists = new SharedLists({ lingerMs: 0 })
  outlet = new FakeOutlet()
})
afterEach(async () => {
  outlet.close()
  lists[Symbol.dispose]()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const GiB = 2 ** 30
const node = (name: string) =>
  server.store.put(nodes, {
    metadata: { name },
    status: {
      allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  } as never)
const pod = (name: string, nodeName: string | undefined, phase = 'Running') =>
  server.store.put(podsOf('default'), {
    metadata: { name },
    spec: {
      ...(nodeName ? { nodeName } : {}),
      containers: [{ name: 'c', resources: { requests: { cpu: '500m', memory: '1Gi' } } }],
    },
    status: { phase, containerStatuses: [{ name: 'c', ready: true, state: { running: {} } }] },
  } as never)
const watch = () =>
  capacityStreams(catalogue.contexts, lists, 5)['capacity.watch']({ context: catalogue.context }, outlet)
const until = (check: () => void) => vi.waitFor(check, 5000)

it('adds up what the pods of each node ask for, and follows them', async () => {
  node('a')
  node('b')
  pod('one', 'a')
  pod('two', 'a')
  void watch()
  await until(() =>
    expect(outlet.last).toMatchObject({
      freshness: { state: 'live' },
      nodes: [
        {
          name: 'a',
          cpu: { requested: 1, room: 2 },
          memory: { requested: 2 * GiB, room: 4 * GiB },
          pods: { ok: 2 },
          podRoom: 110,
        },
        { name: 'b', cpu: { requested: 0, room: 2 } },
      ],
      cpu: { requested: 1, room: 4, used: null },
    }),
  )
  server.store.remove(podsOf('default'), 'one')
  await until(() => expect(outlet.last?.nodes[0]).toMatchObject({ cpu: { requested: 0.5 }, pods: { ok: 1 } }))
})

it('leaves out pods that have ended, and tells of those that are on no node', async () => {
  node('a')
  pod('done', 'a', 'Succeeded')
  pod('failed', 'a', 'Failed')
  pod('waits', undefined, 'Pending')
  void watch()
  await until(() => expect(outlet.last?.unplaced).toEqual({ pods: 1, cpu: 0.5, memory: GiB }))
  expect(outlet.last?.nodes).toMatchObject([{ cpu: { requested: 0 }, pods: { ok: 0, bad: 0 } }])
})

it('knows what is used in all only where every node tells it', async () => {
  node('a')
  node('b')
  let told = ['a']
  server.fault = ({ path }) =>
    path === '/apis/metrics.k8s.io/v1beta1/nodes'
      ? { body: { items: told.map((name) => ({ metadata: { name }, usage: { cpu: '250m', memory: '1Gi' } })) } }
      : undefined
  const first = watch()
  await until(() => expect(outlet.last?.nodes[0]?.cpu.used).toBe(0.25))
  expect(outlet.last?.cpu.used).toBeNull()
  outlet.close()
  await first
  told = ['a', 'b']
  outlet = new FakeOutlet()
  void watch()
  await until(() => expect(outlet.last?.cpu.used).toBe(0.5))
})
