import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { forbidden } from '#shared/kube/status.ts'
import { pods } from '#shared/kube/resources.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { LiveList } from './live-list.ts'
import { objectSource, type RowSource } from './row-source.ts'
import { shapeOf } from './columns/index.ts'

let server: FakeApiServer
let list: LiveList
let source: RowSource
/** What metrics.k8s.io answers; undefined: it is not served. */
let usage: Record<string, { cpu: string; memory: string }[]> | undefined
beforeEach(async () => {
  usage = {}
  server = await FakeApiServer.start()
  server.fault = ({ path }) => {
    if (!path.startsWith('/apis/metrics.k8s.io/v1beta1')) return undefined
    if (!usage) return forbidden({ group: 'metrics.k8s.io', plural: 'pods' }, '', 'no')
    const items = Object.entries(usage).map(([name, containers]) => ({
      metadata: { namespace: 'default', name },
      containers: containers.map((used) => ({ name: 'c', usage: used })),
    }))
    return { body: { items } }
  }
  source = objectSource(shapeOf(pods)!)
  list = new LiveList({
    connection: new ApiConnection(server.access()),
    resource: pods,
    namespace: undefined,
    source,
    usagePace: { every: 10, retry: 10 },
  })
})
afterEach(async () => {
  list[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const until = (check: () => void) => vi.waitFor(check, 5000)
const put = (name: string, resources: object = {}, more: object = {}) =>
  server.store.put(podsOf('default'), {
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', resources }], ...more },
  } as never)
const cells = (name: string) => {
  const record = [...list.records.values()].find(({ row }) => row.name === name)
  return Object.fromEntries(source.shape.columns.map(({ id }, at) => [id, record?.row.cells[at]]))
}
const shown = () => source.shape.columns.filter(({ priority }) => priority === 0).map(({ id }) => id)

it('shows what a pod uses, all its containers together, and its share of requests and limits', async () => {
  usage = {
    web: [
      { cpu: '20000000n', memory: '30Mi' },
      { cpu: '5m', memory: '2Mi' },
    ],
  }
  put('web', { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } })
  list.watchUsage()
  await until(() => expect(cells('web')).toMatchObject({ cpu: 0.025, memory: 32 * 2 ** 20 }))
  expect(cells('web')).toMatchObject({
    'cpu-request': 0.05,
    'cpu-of-request': 50,
    'cpu-limit': null,
    'cpu-of-limit': null,
    'memory-of-request': 50,
    'memory-of-limit': 25,
  })
})

it('has no limit for a pod of which one container has none', async () => {
  put(
    'web',
    { limits: { cpu: '1' } },
    { containers: [{ name: 'a', resources: { limits: { cpu: '1' } } }, { name: 'b' }] },
  )
  await until(() => expect(cells('web')).toMatchObject({ 'cpu-limit': null }))
})

it('takes the resources of a pod as a whole for its bounds', async () => {
  put('web', { limits: { cpu: '1' } }, { resources: { limits: { cpu: '3' } } })
  await until(() => expect(cells('web')).toMatchObject({ 'cpu-limit': 3 }))
})

it('follows usage, also of a pod that changed meanwhile', async () => {
  usage = { web: [{ cpu: '1', memory: '1' }] }
  put('web')
  list.watchUsage()
  await until(() => expect(cells('web')).toMatchObject({ cpu: 1 }))
  put('web', { requests: { cpu: '2' } })
  await until(() => expect(cells('web')).toMatchObject({ cpu: 1, 'cpu-of-request': 50 }))
  usage = { web: [{ cpu: '3', memory: '1' }] }
  await until(() => expect(cells('web')).toMatchObject({ cpu: 3, 'cpu-of-request': 150 }))
})

it('tells only of rows that changed', async () => {
  usage = { web: [{ cpu: '1', memory: '1' }], other: [{ cpu: '1', memory: '1' }] }
  put('web')
  put('other')
  list.watchUsage()
  await until(() => expect(cells('other')).toMatchObject({ cpu: 1 }))
  const touched: string[] = []
  list.onChange((some) => touched.push(...some.keys()))
  usage = { ...usage, web: [{ cpu: '2', memory: '1' }] }
  await until(() => expect(cells('web')).toMatchObject({ cpu: 2 }))
  expect(touched).toHaveLength(1)
})

it('shows the columns of usage only where the cluster tells of it', async () => {
  usage = undefined
  put('web')
  list.watchUsage()
  await until(() => expect(server.asked(/metrics/).length).toBeGreaterThan(1))
  expect(shown()).not.toContain('cpu')
  usage = { web: [{ cpu: '1', memory: '1' }] }
  await until(() => expect(shown()).toContain('cpu'))
  usage = undefined
  await until(() => expect(shown()).not.toContain('cpu'))
  expect(cells('web')).toMatchObject({ cpu: null })
})

it('asks for metrics only while somebody looks', async () => {
  put('web')
  await until(() => expect(list.records.size).toBe(1))
  expect(server.asked(/metrics/)).toEqual([])
  const watching = list.watchUsage()
  await until(() => expect(server.asked(/metrics/).length).toBeGreaterThan(1))
  watching[Symbol.dispose]()
  const asked = server.asked(/metrics/).length
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(server.asked(/metrics/).length).toBeLessThanOrEqual(asked + 1)
})
