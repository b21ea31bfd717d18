import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { QueryMessage } from '#shared/ipc/queries.ts'
import { queryStreams } from '#shared/ipc/queries.ts'
import type { StreamParams, StreamUp } from '#shared/ipc/contract.ts'
import { pods } from '#shared/kube/resources.ts'
import { forbidden } from '#shared/kube/status.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { Failure } from '../failure.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { allRows } from './all-rows.ts'
import { runQuery, type QueryDependencies } from './query.ts'
import { SharedLists } from './shared-lists.ts'
import { SortedRows } from './sorted-rows.ts'

let server: FakeApiServer
let lists: SharedLists
let connection: ApiConnection | undefined
const contextListeners = new Set<() => void>()
beforeEach(async () => {
  server = await FakeApiServer.start()
  lists = new SharedLists({ lingerMs: 50, pace: { retry: (failures) => (failures ? 20 : 0), poll: 20, good: 0 } })
  connection = new ApiConnection(server.access())
})
afterEach(async () => {
  for (const outlet of outlets.splice(0)) outlet.close()
  lists[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

type Up = StreamUp<'query.open'>
const outlets: FakeOutlet<QueryMessage, never>[] = []
const connected = () => {
  if (connection) return connection
  throw new Failure('Stopped', 'The cluster is away.')
}

const dependencies: QueryDependencies = {
  openLists: (namespaces) => lists.open({ connection: connected(), resource: pods, namespaces }),
  connection: connected,
  onContextChange: (callback) => {
    contextListeners.add(callback)
    return { [Symbol.dispose]: () => contextListeners.delete(callback) }
  },
  parseLabels: () => () => true,
}

function open(wish: Partial<StreamParams<'query.open'>> = {}) {
  const outlet = new FakeOutlet<QueryMessage, Up>()
  outlets.push(outlet as never)
  const params = queryStreams['query.open'].params.parse({
    context: 'x',
    resource: pods,
    namespaces: [],
    filter: {},
    window: { offset: 0, count: 100 },
    ...wish,
  })
  const done = runQuery(params, outlet as never, dependencies)
  const screen = new Screen(outlet)
  return { outlet, done, screen, say: (up: Up) => outlet.say(queryStreams['query.open'].up.parse(up) as Up) }
}

/** What a renderer would show: it keeps exactly the rows of the last message. */
class Screen {
  #outlet: FakeOutlet<QueryMessage, Up>
  constructor(outlet: FakeOutlet<QueryMessage, Up>) {
    this.#outlet = outlet
  }
  get names(): string[] {
    const known = new Map<string, string>()
    let shown: string[] = []
    for (const { rows, uids } of this.#outlet.heard) {
      for (const row of rows) known.set(row.uid, row.name)
      shown = uids.map((uid) => known.get(uid) ?? 'NEVER SENT')
      for (const uid of known.keys()) if (!uids.includes(uid)) known.delete(uid)
    }
    return shown
  }
}

const until = (check: () => void) => vi.waitFor(check, 5000)
const put = (name: string, phase = 'Running', namespace = 'default', more: object = {}) =>
  server.store.put(podsOf(namespace), { kind: 'Pod', metadata: { name, ...more }, status: { phase } } as never)
const many = (count: number) => {
  for (let i = 0; i < count; i++) put(`pod-${i}`)
}
const live = (query: ReturnType<typeof open>) => until(() => expect(query.outlet.last?.freshness.state).toBe('live'))
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `pod-${from + i}`)

it('tells columns once, the order in effect, totals, and the rows of the window alone', async () => {
  many(30)
  const query = open({ window: { offset: 10, count: 5 } })
  await live(query)
  expect(query.screen.names).toEqual(names(10, 15))
  expect(query.outlet.last).toMatchObject({
    total: 30,
    matching: 30,
    offset: 10,
    sort: { column: 'name', descending: false },
  })
  expect(query.outlet.heard.filter(({ columns }) => columns)).toHaveLength(1)
  expect(query.outlet.heard[0]!.columns!.map(({ id }) => id)).toContain('restarts')
})

it('sends a row once, and again only when it changed or came back into the window', async () => {
  many(20)
  const query = open({ window: { offset: 0, count: 10 } })
  await live(query)
  const before = query.outlet.heard.length
  query.say({ window: { offset: 5, count: 10 } })
  await until(() => expect(query.outlet.last!.offset).toBe(5))
  expect(query.outlet.last!.rows.map(({ name }) => name)).toEqual(names(10, 15))
  put('pod-12', 'Failed')
  await until(() => expect(query.outlet.last!.rows.map(({ name }) => name)).toEqual(['pod-12']))
  query.say({ window: { offset: 0, count: 10 } })
  await until(() => expect(query.outlet.last!.offset).toBe(0))
  expect(query.outlet.last!.rows.map(({ name }) => name)).toEqual(names(0, 5))
  expect(query.outlet.heard.length - before).toBe(3)
  expect(query.screen.names).toEqual(names(0, 10))
})

it('shows the end when a filter leaves less than the window starts at', async () => {
  many(200)
  const query = open({ window: { offset: 150, count: 50 } })
  await live(query)
  query.say({ filter: { text: 'pod-19', labels: '', faultsOnly: false } })
  await until(() => expect(query.outlet.last).toMatchObject({ matching: 11, total: 200, offset: 0 }))
  expect(query.screen.names).toEqual(['pod-19', ...names(190, 200)])
  query.say({ filter: { text: '', labels: '', faultsOnly: false } })
  await until(() => expect(query.outlet.last!.offset).toBe(150))
})

it('counts without rows when asked for none', async () => {
  many(3)
  const query = open({ window: { offset: 0, count: 0 } })
  await live(query)
  expect(query.outlet.last).toMatchObject({ total: 3, matching: 3, uids: [], rows: [] })
})

it('puts what happens within a frame into one message', async () => {
  many(1)
  const query = open()
  await live(query)
  const before = query.outlet.heard.length
  many(300)
  await until(() => expect(query.outlet.last!.total).toBe(300))
  expect(query.outlet.heard.length - before).toBeLessThan(20)
  const answered = query.outlet.heard.length
  for (let i = 0; i < 50; i++) query.say({ window: { offset: i, count: 10 } })
  await until(() => expect(query.outlet.last!.offset).toBe(49))
  expect(query.outlet.heard.length - answered).toBeLessThan(10)
})

it('answers a keystroke at once, though a batch of changes has just gone out', async () => {
  many(3)
  const query = open()
  await live(query)
  const send = query.outlet.send.bind(query.outlet)
  let answer: QueryMessage | undefined
  query.outlet.send = (batch) => {
    query.outlet.send = send
    send(batch)
    queueMicrotask(() => {
      query.say({ filter: { text: 'pod-2', labels: '', faultsOnly: false } })
      answer = query.outlet.last
    })
  }
  put('pod-3')
  await until(() => expect(answer).toBeDefined())
  expect(answer).toMatchObject({ total: 4, matching: 1 })
})

it('says which question it answers', async () => {
  many(3)
  const query = open({ question: 4 })
  await live(query)
  expect(query.outlet.last!.question).toBe(4)
  query.say({ filter: { text: 'pod-2', labels: '', faultsOnly: false }, question: 5 })
  await until(() => expect(query.outlet.last).toMatchObject({ matching: 1, question: 5 }))
  query.say({ window: { offset: 0, count: 1 } })
  put('pod-20')
  await until(() => expect(query.outlet.last).toMatchObject({ matching: 2, question: 5 }))
})

it('holds back while the other side lags, and then says everything at once', async () => {
  many(1)
  const query = open()
  await live(query)
  query.outlet.congested = true
  const before = query.outlet.heard.length
  for (let i = 0; i < 20; i++) {
    put(`more-${i}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(query.outlet.heard).toHaveLength(before)
  query.outlet.congested = false
  await until(() => expect(query.outlet.last!.total).toBe(21))
  expect(query.outlet.heard.length - before).toBe(1)
})

it('shares the list of what several ask for, and lets go of it after the last', async () => {
  many(2)
  const one = open()
  const two = open({ filter: { text: '1' } })
  await live(one)
  await live(two)
  expect(two.screen.names).toEqual(['pod-1'])
  expect(server.watching).toBe(1)
  one.outlet.close()
  await one.done
  put('pod-10')
  await until(() => expect(two.screen.names).toEqual(['pod-1', 'pod-10']))
  two.outlet.close()
  await two.done
  await until(() => expect(server.watching).toBe(0))
})

it('follows a change of namespaces', async () => {
  put('a', 'Running', 'one')
  put('b', 'Running', 'two')
  put('c', 'Running', 'three')
  const query = open({ namespaces: ['one'] })
  await live(query)
  expect(query.screen.names).toEqual(['a'])
  query.say({ namespaces: ['two', 'three', 'two'] })
  await until(() => expect(query.screen.names).toEqual(['b', 'c']))
  put('d', 'Running', 'three')
  put('x', 'Running', 'one')
  await until(() => expect(query.screen.names).toEqual(['b', 'c', 'd']))
  expect(query.outlet.last!.total).toBe(3)
})

it('keeps its lists and their order on a keystroke that names the same namespaces again', async () => {
  many(3)
  const query = open({ sort: { column: 'name', descending: true } })
  await live(query)
  const opened = vi.spyOn(lists, 'open')
  const sorted = vi.spyOn(SortedRows.prototype, 'replace')
  const filter = { text: 'pod-2', labels: '', faultsOnly: false }
  query.say({ namespaces: [], sort: { column: 'name', descending: true }, filter })
  await until(() => expect(query.screen.names).toEqual(['pod-2']))
  expect(opened).not.toHaveBeenCalled()
  expect(sorted).not.toHaveBeenCalled()
  query.say({ sort: { column: 'name', descending: false } })
  await until(() => expect(sorted).toHaveBeenCalledOnce())
  vi.restoreAllMocks()
})

it('looks only at what matched before while a word is typed, and at everything once it gets shorter', async () => {
  many(300)
  const query = open()
  await live(query)
  const filtered = vi.spyOn(SortedRows.prototype, 'filter')
  const type = async (text: string, count: number) => {
    query.say({ filter: { text, labels: '', faultsOnly: false } })
    await until(() => expect(query.outlet.last!.matching).toBe(count))
    return filtered.mock.calls.at(-1)![2]
  }
  expect(await type('pod-2', 111)).toBe(true)
  expect(await type('pod-29', 11)).toBe(true)
  put('pod-29x')
  put('pod-290', 'Failed')
  await until(() => expect(query.outlet.last!.matching).toBe(12))
  expect(await type('pod-2', 112)).toBe(false)
  expect(await type('failed', 1)).toBe(false)
  // Two before there is an answer: the second leads away from what the first left over.
  query.say({ filter: { text: 'failed no', labels: '', faultsOnly: false } })
  query.say({ filter: { text: '', labels: '', faultsOnly: false } })
  query.say({ filter: { text: 'pod', labels: '', faultsOnly: false } })
  await until(() => expect(query.outlet.last!.matching).toBe(301))
  filtered.mockRestore()
})

it('shows only what an owner has, and counts only that', async () => {
  put('mine', 'Running', 'default', { ownerReferences: [{ uid: 'rs-1', controller: true }] })
  put('other')
  const query = open({ ownerUid: 'rs-1' })
  await live(query)
  expect(query.screen.names).toEqual(['mine'])
  put('other', 'Failed')
  put('mine-too', 'Running', 'default', { ownerReferences: [{ uid: 'rs-1' }] })
  await until(() => expect(query.outlet.last).toMatchObject({ total: 2, matching: 2 }))
})

it('counts tones for what matches, whatever tones are chosen', async () => {
  put('good', 'Succeeded')
  put('bad', 'Failed')
  const query = open({ filter: { tones: ['bad'] } })
  await live(query)
  expect(query.screen.names).toEqual(['bad'])
  expect(query.outlet.last).toMatchObject({ total: 2, matching: 1, tones: { bad: 1, off: 1 } })
})

describe('an expression that takes for ever', () => {
  it('is ended, and says so; the next filter works', async () => {
    put(`${'a'.repeat(60)}-b`)
    const query = open()
    await live(query)
    query.say({ filter: { text: '/^(a+)+$/', labels: '', faultsOnly: false } })
    await until(() =>
      expect(query.outlet.last).toMatchObject({
        matching: 0,
        total: 1,
        filterProblem: expect.stringContaining('too long') as string,
      }),
    )
    put('another')
    await until(() => expect(query.outlet.last!.total).toBe(2))
    query.say({ filter: { text: '/^an/', labels: '', faultsOnly: false } })
    await until(() => expect(query.screen.names).toEqual(['another']))
    expect(query.outlet.last!.filterProblem).toBeUndefined()
  })
})

describe('a context', () => {
  const changed = () => {
    for (const callback of contextListeners) callback()
  }

  it('that is away when the query opens is waited for', async () => {
    many(1)
    const later = connection
    connection = undefined
    const query = open()
    expect(query.outlet.last).toMatchObject({
      freshness: { state: 'failed', message: 'The cluster is away.' },
      total: 0,
    })
    connection = later
    changed()
    await until(() => expect(query.screen.names).toEqual(['pod-0']))
  })

  it('that goes away leaves the rows in view', async () => {
    many(1)
    const query = open()
    await live(query)
    connection = undefined
    changed()
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(query.screen.names).toEqual(['pod-0'])
  })

  it('that became another connection is listed anew through it', async () => {
    many(1)
    const query = open()
    await live(query)
    const other = await FakeApiServer.start()
    other.store.put(podsOf('default'), { kind: 'Pod', metadata: { name: 'elsewhere' } })
    connection = new ApiConnection(other.access())
    changed()
    await until(() => expect(query.screen.names).toEqual(['elsewhere']))
    await until(() => expect(server.watching).toBe(0))
    await other[Symbol.asyncDispose]()
  })
})

describe('all rows at once', () => {
  const ask = (text = '', signal = new AbortController().signal) => {
    const scope = { context: 'x', resource: pods, namespaces: [], filter: { text, labels: '', faultsOnly: false } }
    return allRows(scope, signal, dependencies)
  }

  it('are those that pass the filter, in order, however many pages they come in', async () => {
    many(1200)
    const { columns, rows } = await ask('pod-1')
    expect(columns.map(({ id }) => id)).toContain('status')
    expect(rows).toHaveLength(311)
    expect(rows.slice(0, 3).map(({ name }) => name)).toEqual(['pod-1', 'pod-10', 'pod-11'])
  })

  it('are refused as the list is', async () => {
    server.fault = ({ path }) => (path.endsWith('/pods') ? forbidden(pods, '', 'you may not') : undefined)
    await expect(ask()).rejects.toThrow('you may not')
  })

  it('are asked for no longer once nobody wants them', async () => {
    server.fault = ({ path }) => (path.endsWith('/pods') ? 'silence' : undefined)
    const abort = new AbortController()
    const asked = ask('', abort.signal)
    abort.abort()
    await expect(asked).rejects.toThrow('no longer wanted')
  })
})
