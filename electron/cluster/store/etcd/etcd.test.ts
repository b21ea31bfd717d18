import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startEtcd, type TestEtcd } from '../../../../tests/support/etcd.ts'
import { eventually } from '../../../../tests/support/wait.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { ExpectationError, StoreOpenError, StoreUnavailableError, type Store } from '../api.ts'
import { openEtcdStore } from './etcd.ts'
import { plainValues, type ValuesAtRest } from './values.ts'

let etcd: TestEtcd
const owned: AsyncDisposable[] = []

beforeEach(async () => {
  etcd = await startEtcd()
})
afterEach(async () => {
  for (const each of owned.splice(0).reverse()) await each[Symbol.asyncDispose]()
  await etcd[Symbol.asyncDispose]()
})

async function open(urls: string | string[] = etcd.url, values: ValuesAtRest = plainValues): Promise<Store> {
  const address = { urls: [urls].flat() }
  const store = await openEtcdStore({ address, clock: systemClock, logger: silentLogger, values })
  owned.push(store)
  return store
}

/** A way to etcd that can be cut. */
async function wire(): Promise<{ url: string; cut(): void; mend(): void }> {
  const sockets = new Set<Socket>()
  let isCut = false
  const target = Number(new URL(etcd.url).port)
  const server = createServer((socket) => {
    if (isCut) return socket.destroy()
    const far = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one) && other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owned.push({ [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    mend: () => (isCut = false),
  }
}

const put = (store: Store, key: string, value = 'x', expect?: number) =>
  store
    .write([{ key: `/registry/${key}`, value: () => Buffer.from(value), ...(expect === undefined ? {} : { expect }) }])
    .then(([entry]) => entry!)
const remove = (store: Store, key: string) => store.write([{ key: `/registry/${key}`, value: undefined }])
const read = (store: Store, key: string) => store.get(`/registry/${key}`)?.value.toString()

function record(store: Store) {
  const seen: string[] = []
  store.watch('/registry/', {
    after: store.revision,
    onEvents: (events) =>
      seen.push(
        ...events.map(({ type, key, revision, entry }) => `${type} ${key} ${entry.value.toString()} ${revision}`),
      ),
    onEnd: (error) => seen.push(`end ${error.name}`),
  })
  return seen
}

it('shows each store the writes of the other, once and in the order of their revisions', async () => {
  const [a, b] = [await open(), await open()]
  const [seenByA, seenByB] = [record(a), record(b)]
  await Promise.all(Array.from({ length: 200 }, (_, i) => put(i % 2 ? a : b, `k${i % 17}`, String(i))))
  await Promise.all([a.fresh(), b.fresh()])
  expect(seenByA).toEqual(seenByB)
  const revisions = seenByA.map((line) => Number(line.split(' ')[3]))
  expect(revisions).toEqual(Array.from({ length: 200 }, (_, i) => i + 2))
})

it('reads what another store has acknowledged, once it has made sure that it is fresh', async () => {
  const [a, b] = [await open(), await open()]
  for (let i = 0; i < 50; i++) {
    await put(a, 'k', String(i))
    await b.fresh()
    expect(read(b, 'k')).toBe(String(i))
  }
})

it('makes sure of freshness for any number of readers with two reads', async () => {
  const store = await open()
  await put(store, 'k')
  const metric = () =>
    fetch(`${etcd.url}/metrics`)
      .then((answer) => answer.text())
      .then((text) => Number(/grpc_server_handled_total\{grpc_code="OK",grpc_method="Range".*\} (\d+)/.exec(text)?.[1]))
  const before = await metric()
  await Promise.all(Array.from({ length: 500 }, async () => store.fresh()))
  expect((await metric()) - before).toBe(2)
})

it('lets exactly one of two stores win a compare-and-swap', async () => {
  const [a, b] = [await open(), await open()]
  for (let i = 0; i < 20; i++) {
    const { revision } = await put(a, 'k', 'start')
    await b.fresh()
    const results = await Promise.allSettled([put(a, 'k', 'a', revision), put(b, 'k', 'b', revision)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const lost = results.find((result) => result.status === 'rejected')!.reason as ExpectationError
    expect(lost).toBeInstanceOf(ExpectationError)
    // The loser has seen by now what it lost to, so that it can try again.
    expect(lost.entry!.revision).toBeGreaterThan(revision)
  }
})

it('refuses what was built on a write that lost to another store', async () => {
  const [a, b] = [await open(), await open()]
  const outcomes = new Set<string>()
  // Which of the two is first is etcd's to say: until each has been.
  for (let i = 0; i < 500 && outcomes.size < 2; i++) {
    const { revision } = await put(a, 'k', 'start')
    await b.fresh()
    const winning = i % 3 ? put(a, 'k', 'first', revision) : undefined
    const first = put(b, 'k', 'second', revision)
    const built = put(b, 'k', 'third', b.latest('/registry/k')!.revision)
    const [, ...own] = await Promise.allSettled([winning, first, built])
    outcomes.add(own.map(({ status }) => status).join())
    await a.fresh()
    expect(read(a, 'k')).toBe(own[0]!.status === 'fulfilled' ? 'third' : 'first')
  }
  expect([...outcomes].sort()).toEqual(['fulfilled,fulfilled', 'rejected,rejected'])
})

it('knows how far it is although others write what it does not mirror', async () => {
  const store = await open()
  etcd.ctl('put', '/elsewhere', 'x')
  await store.fresh()
  expect([store.revision, store.count('')]).toEqual([2, 0])
})

it('leaves out what it cannot read, and goes on', async () => {
  const values: ValuesAtRest = {
    ...plainValues,
    decode(_, bytes) {
      if (bytes.toString() === 'garbled') throw new Error('no value')
      return bytes
    },
  }
  const store = await open(etcd.url, values)
  etcd.ctl('put', '/registry/a', 'fine')
  etcd.ctl('put', '/registry/b', 'garbled')
  etcd.ctl('put', '/registry/a', 'garbled')
  etcd.ctl('put', '/registry/c', 'fine')
  await store.fresh()
  expect(store.range('').map(({ key }) => key)).toEqual(['/registry/c'])
})

it('refuses writes while etcd is away, says so, and goes on when it is back without losing or repeating an event', async () => {
  const store = await open()
  const seen = record(store)
  await put(store, 'before')
  await etcd.kill()
  await eventually('the outage', () => store.outage)
  const refused = await put(store, 'during').catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(StoreUnavailableError)
  expect((refused as StoreUnavailableError).outcome).toBe('not-sent')
  await expect(store.fresh()).rejects.toThrow(StoreUnavailableError)
  expect(read(store, 'before')).toBe('x')
  await etcd.start()
  etcd.ctl('put', '/registry/other', 'y')
  await eventually('the recovery', () => store.outage === undefined)
  await put(store, 'after')
  expect(seen).toEqual(['put /registry/before x 2', 'put /registry/other y 3', 'put /registry/after x 4'])
})

it('takes up its watch where it was cut', async () => {
  const line = await wire()
  const [cut, other] = [await open(line.url), await open()]
  const seen = record(cut)
  await put(other, 'a', '1')
  await cut.fresh()
  line.cut()
  await eventually('the outage', () => cut.outage)
  await put(other, 'a', '2')
  await remove(other, 'a')
  line.mend()
  await eventually('what was missed', () => seen.length === 3)
  expect(seen).toEqual(['put /registry/a 1 2', 'put /registry/a 2 3', 'delete /registry/a 2 4'])
})

it('reads everything again when etcd has compacted what it missed, and tells what differs', async () => {
  const line = await wire()
  const [cut, other] = [await open(line.url), await open()]
  for (const key of ['kept', 'changed', 'removed', 'reborn']) await put(other, key, 'old')
  await cut.fresh()
  const before = cut.revision
  const seen = record(cut)
  line.cut()
  await eventually('the outage', () => cut.outage)
  await put(other, 'changed', 'new')
  await remove(other, 'removed')
  await remove(other, 'reborn')
  await put(other, 'reborn', 'new')
  await put(other, 'created', 'new')
  await other.compact(other.revision)
  line.mend()
  await eventually('the recovery', () => cut.revision === other.revision)
  expect(seen).toEqual([
    'put /registry/changed new 6',
    'delete /registry/reborn old 8',
    'put /registry/reborn new 9',
    'put /registry/created new 10',
    'delete /registry/removed old 10',
  ])
  expect(cut.range('').map(({ key, value }) => `${key} ${value.toString()}`)).toEqual(
    other.range('').map(({ key, value }) => `${key} ${value.toString()}`),
  )
  expect(() => cut.range('', { revision: before })).toThrow('compacted')
})

it('goes on through another member when the one that it spoke to is gone', async () => {
  const [first, second] = [await wire(), await wire()]
  const store = await open([first.url, second.url])
  const other = await open()
  const seen = record(store)
  await put(store, 'a')
  first.cut()
  await put(other, 'b')
  await eventually('the event', () => seen.length === 2)
  await put(store, 'c')
  first.mend()
  second.cut()
  await put(other, 'd')
  await eventually('the event', () => seen.length === 4)
  expect(seen.map((line) => line.split(' ')[1])).toEqual(['a', 'b', 'c', 'd'].map((key) => `/registry/${key}`))
})

it('opens with what is there, with the revisions that it has there', async () => {
  const first = await open()
  const written = await Promise.all(Array.from({ length: 1200 }, (_, i) => put(first, `many/${i}`, String(i))))
  const second = await open()
  expect(second.revision).toBe(first.revision)
  expect(second.count('/registry/many/')).toBe(1200)
  expect(second.get('/registry/many/700')).toMatchObject({
    revision: written[700]!.revision,
    created: written[700]!.created,
  })
})

it('says in one sentence that etcd cannot be reached, and what to do', async () => {
  const nowhere = await wire()
  nowhere.cut()
  const refused = await open(nowhere.url).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(StoreOpenError)
  expect((refused as StoreOpenError).message).toContain(nowhere.url)
  expect((refused as StoreOpenError).cure).toContain('--store etcd=URL')
})
