import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Freshness } from '#shared/ipc/queries.ts'
import { expired, forbidden, gone, notFound, serviceUnavailable, StatusError } from '#shared/kube/status.ts'
import { pods } from '#shared/kube/resources.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { LiveList, type Pace } from './live-list.ts'
import { objectSource, tableSource } from './row-source.ts'
import { shapeOf } from './columns/index.ts'

const pace: Pace = { retry: (failures) => (failures ? 20 : 0), poll: 20, good: 0 }
let server: FakeApiServer
let list: LiveList | undefined
beforeEach(async () => void (server = await FakeApiServer.start()))
afterEach(async () => {
  list?.[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const until = (check: () => void) => vi.waitFor(check, 5000)
const put = (name: string, more: object = {}) =>
  server.store.put(podsOf('default'), { kind: 'Pod', metadata: { name }, spec: { nodeName: 'n' }, ...more })
const names = () => [...list!.records.values()].map(({ row }) => row.name).sort()
const lists = () => server.asked(/^GET \/api\/v1\/pods\?(?!.*watch)/)
const watches = () => server.asked(/watch=true/)
const states: Freshness[] = []
function open(options: { watchMs?: number; pace?: Partial<Pace> } = {}): LiveList {
  const connection = new ApiConnection(server.access(), {
    watchMs: options.watchMs ?? 90_000,
    connectMs: 200,
    answerMs: 500,
  })
  list = new LiveList({
    connection,
    resource: pods,
    namespace: undefined,
    source: objectSource(shapeOf(pods)!),
    pace: { ...pace, ...options.pace },
  })
  states.length = 0
  list.onChange(() => {
    if (states.at(-1)?.state !== list!.freshness.state) states.push(list!.freshness)
  })
  return list
}
const live = () => until(() => expect([list!.freshness.state, server.watching]).toEqual(['live', 1]))

describe('listing', () => {
  it('goes page by page, telling how far it is', async () => {
    for (let i = 0; i < 1200; i++) put(`pod-${i}`)
    open()
    const loading: Freshness[] = []
    list!.onChange(() => loading.push(list!.freshness))
    await live()
    expect(list!.records.size).toBe(1200)
    expect(lists()).toHaveLength(3)
    expect(loading).toEqual(
      expect.arrayContaining([
        { state: 'loading', loaded: 500, total: 1200 },
        { state: 'loading', loaded: 1000, total: 1200 },
      ]),
    )
  })

  it('takes everything at once when the pages expire in the middle: 410 on a continue', async () => {
    for (let i = 0; i < 1200; i++) put(`pod-${i}`)
    server.fault = ({ query }) =>
      query.has('continue') ? expired('The provided continue parameter is too old') : undefined
    open()
    await live()
    expect(list!.records.size).toBe(1200)
    expect(lists().map(({ query }) => query.has('limit'))).toEqual([true, true, false])
  })

  it('fails with the cure while the server was never reached, and goes on by itself', async () => {
    const { port } = server
    await server.close()
    open()
    await until(() =>
      expect(list!.freshness).toMatchObject({
        state: 'failed',
        message: expect.stringContaining('Nothing answers') as string,
      }),
    )
    await server.listen(port)
    await live()
  })

  it('says what is forbidden', async () => {
    server.fault = () => forbidden({ group: '', plural: 'pods' }, '', 'no')
    open()
    await until(() => expect(list!.freshness).toEqual({ state: 'forbidden', message: 'pods is forbidden: no' }))
  })

  it('does not hammer a server that refuses', async () => {
    server.fault = () => notFound({ group: '', plural: 'pods' }, '')
    const retry = vi.fn((failures: number) => failures * 20)
    open({ pace: { retry } })
    await until(() => expect(retry.mock.calls.map(([failures]) => failures)).toEqual(expect.arrayContaining([1, 2, 3])))
  })
})

describe('watching', () => {
  it('follows additions, changes and deletions', async () => {
    put('a')
    open()
    await live()
    put('b')
    server.store.remove(podsOf('default'), 'a')
    put('c')
    await until(() => expect(names()).toEqual(['b', 'c']))
  })

  it('says nothing when nobody could see the change', async () => {
    put('a', { status: { phase: 'Running' } })
    open()
    await live()
    const touched = vi.fn()
    list!.onChange(touched)
    const [before] = list!.records.values()
    put('a', {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'False', lastProbeTime: '2026-01-01T00:00:00Z' }],
      },
    })
    put('b')
    await until(() => expect(names()).toEqual(['a', 'b']))
    expect(touched).toHaveBeenCalledTimes(1)
    expect(list!.records.get(before!.row.uid)).toBe(before)
  })

  it.each(['well', 'cut'] as const)(
    'that the server ends (%s) goes on from the last version, without listing again',
    async (how) => {
      put('a')
      open()
      await live()
      put('b')
      await until(() => expect(names()).toEqual(['a', 'b']))
      server.bookmark()
      const version = String(server.store.revision)
      server.endWatches(how)
      await until(() => expect(watches()).toHaveLength(2))
      await live()
      expect(watches()[1]!.query.get('resourceVersion')).toBe(version)
      expect(lists()).toHaveLength(1)
      put('c')
      await until(() => expect(names()).toEqual(['a', 'b', 'c']))
      expect(states.map(({ state }) => state)).not.toContain('reconnecting')
    },
  )

  it('goes on from the version of a bookmark, though nothing of this kind happened since', async () => {
    open()
    await live()
    for (let i = 0; i < 5; i++)
      server.store.put({ group: '', version: 'v1', plural: 'nodes' }, { metadata: { name: 'n' } })
    server.bookmark()
    server.store.compact()
    await new Promise((resolve) => setTimeout(resolve, 30))
    server.endWatches()
    await until(() => expect(watches()).toHaveLength(2))
    await live()
    expect(lists()).toHaveLength(1)
  })

  it('notices a connection that is half-open, and takes another', async () => {
    put('a')
    open({ watchMs: 40 })
    await until(() => expect(watches().length).toBeGreaterThan(1))
    expect(lists()).toHaveLength(1)
    expect(list!.freshness.state).toBe('live')
  })

  it.each([
    ['as an event', () => server.endWatches(gone('too old resource version'))],
    [
      'as an answer',
      () => {
        server.store.compact()
        server.store.revision += 10
        server.store.compact()
        server.endWatches()
      },
    ],
  ])(
    'whose past the server forgot (410 %s) lists again, keeping rows until the list is whole',
    async (_how, forget) => {
      for (let i = 0; i < 700; i++) put(`pod-${i}`)
      open()
      await live()
      let fewest = Infinity
      list!.onChange(() => (fewest = Math.min(fewest, list!.records.size)))
      forget()
      await until(() => expect(lists().length).toBe(4))
      await live()
      expect(fewest === Infinity ? 700 : fewest).toBe(700)
      expect(states.map(({ state }) => state)).not.toContain('reconnecting')
    },
  )

  it('drops what went while it was not looking', async () => {
    put('a')
    put('b')
    open()
    await live()
    server.fault = ({ query }) => (query.has('watch') ? 'cut' : undefined)
    server.endWatches('cut')
    await until(() => expect(list!.freshness.state).toBe('reconnecting'))
    server.store.remove(podsOf('default'), 'a')
    server.store.compact()
    server.fault = () => undefined
    await until(() => expect(names()).toEqual(['b']))
    await live()
  })

  it('of a server that went back in time (restored, or another) lists again', async () => {
    put('a')
    open()
    await live()
    server.store.revision = 50
    server.endWatches()
    await until(() => expect(lists()).toHaveLength(2))
    await live()
  })

  it('is reconnecting since the last contact while the server is away, with the rows of then', async () => {
    put('a')
    open()
    await live()
    const { port } = server
    const last = Date.now()
    await server.close()
    await until(() => expect(list!.freshness.state).toBe('reconnecting'))
    expect((list!.freshness as { since: number }).since).toBeLessThanOrEqual(last)
    expect(names()).toEqual(['a'])
    await server.listen(port)
    await live()
    put('b')
    await until(() => expect(names()).toEqual(['a', 'b']))
    expect(lists()).toHaveLength(1)
    expect(states.map(({ state }) => state)).toEqual(['loading', 'live', 'reconnecting', 'live'])
  })

  it('comes back as soon as somebody else reaches the server, however long it meant to wait', async () => {
    const connection = new ApiConnection(server.access())
    list = new LiveList({
      connection,
      resource: pods,
      namespace: undefined,
      source: objectSource(shapeOf(pods)!),
      pace: { ...pace, retry: (failures) => (failures ? 60_000 : 0) },
    })
    await live()
    const { port } = server
    await server.close()
    await until(() => expect(list!.freshness.state).toBe('reconnecting'))
    await server.listen(port)
    await connection.json('/version')
    await live()
  })

  it('that is not allowed is replaced by looking from time to time', async () => {
    put('a')
    server.fault = ({ query }) =>
      query.has('watch') ? forbidden({ group: '', plural: 'pods' }, '', 'no watch') : undefined
    open()
    await until(() => expect(list!.freshness).toEqual({ state: 'live', polledEvery: 20 }))
    put('b')
    await until(() => expect(names()).toEqual(['a', 'b']))
    server.fault = () => forbidden({ group: '', plural: 'pods' }, '', 'nothing at all')
    await until(() => expect(list!.freshness).toMatchObject({ state: 'forbidden' }))
  })

  it('waits longer and longer for a server that ends every watch at once', async () => {
    server.fault = ({ query }) => (query.has('watch') ? { body: '' } : undefined)
    const retry = vi.fn((failures: number) => failures * 10)
    open({ pace: { retry, good: 1000 } })
    await until(() =>
      expect(retry.mock.calls.map(([failures]) => failures)).toEqual(expect.arrayContaining([1, 2, 3, 4])),
    )
    expect(lists()).toHaveLength(1)
  })

  it('goes on after a failure of the server’s own', async () => {
    open()
    await live()
    server.fault = ({ query }) => (query.has('watch') ? serviceUnavailable('etcd leader changed') : undefined)
    server.endWatches()
    await until(() => expect(list!.freshness).toMatchObject({ state: 'reconnecting', message: 'etcd leader changed' }))
    server.fault = () => undefined
    await live()
  })
})

it('asks no more once it is disposed', async () => {
  open()
  await live()
  list![Symbol.dispose]()
  await until(() => expect(server.watching).toBe(0))
  const { length } = server.requests
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(server.requests).toHaveLength(length)
})

describe('a table', () => {
  const widgets = { group: 'x.io', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true }
  const at = { group: 'x.io', version: 'v1', plural: 'widgets', namespace: 'default' }

  it('has the server’s columns, in watches too, where they are told only once', async () => {
    server.tables.set('widgets', {
      columns: [
        { name: 'Size', type: 'integer' },
        { name: 'Last Seen', type: 'date', priority: 1 },
      ],
      cells: (object) => [(object as { size?: number }).size ?? null, { deep: true }],
    })
    server.store.put(at, { metadata: { name: 'a', labels: { x: 'y' } }, size: 3 } as never)
    const source = tableSource()
    list = new LiveList({
      connection: new ApiConnection(server.access()),
      resource: widgets,
      namespace: undefined,
      source,
      pace,
    })
    await live()
    expect(source.shape.columns.map(({ id, kind, priority }) => [id, kind, priority])).toEqual([
      ['size', 'number', 0],
      ['last-seen', 'text', 1],
      ['age', 'age', 0],
    ])
    server.store.put(at, { metadata: { name: 'b' }, size: 4 } as never)
    server.store.put(at, { metadata: { name: 'b' }, size: 5 } as never)
    server.store.remove(at, 'a')
    server.bookmark()
    await until(() =>
      expect([...list!.records.values()].map(({ row }) => [row.name, ...row.cells.slice(0, 2)])).toEqual([
        ['b', 5, '{"deep":true}'],
      ]),
    )
    server.endWatches()
    await until(() => expect(watches()).toHaveLength(2))
    expect(watches()[1]!.query.get('resourceVersion')).toBe(String(server.store.revision))
  })

  it('of a list without versions (metrics) is looked at from time to time', async () => {
    server.fault = ({ query }) =>
      query.has('watch')
        ? new StatusError({
            kind: 'Status',
            apiVersion: 'v1',
            metadata: {},
            status: 'Failure',
            code: 405,
            reason: 'MethodNotAllowed',
          })
        : {
            body: {
              kind: 'Table',
              metadata: {},
              columnDefinitions: [],
              rows: [{ cells: [], object: { metadata: { name: 'm' } } }],
            },
          }
    list = new LiveList({
      connection: new ApiConnection(server.access()),
      resource: widgets,
      namespace: undefined,
      source: tableSource(),
      pace,
    })
    await until(() => expect(list!.freshness).toEqual({ state: 'live', polledEvery: 20 }))
    expect(names()).toEqual(['m'])
  })
})
