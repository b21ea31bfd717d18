import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CompactedError,
  ExpectationError,
  FutureRevisionError,
  maxKeyBytes,
  maxWrites,
  StoreClosedError,
  type Store,
  type StoreEvent,
} from '../api.ts'
import type { HistoryLimits } from '../history.ts'

const bytes = (text: string) => () => Buffer.from(text)
const text = (entry: { value: Buffer } | undefined) => entry?.value.toString()
const put = (store: Store, key: string, value = key, expect?: number) =>
  store.write([{ key, value: bytes(value), ...(expect === undefined ? {} : { expect }) }]).then(([entry]) => entry!)
const remove = (store: Store, key: string, expect?: number) =>
  store.write([{ key, value: undefined, ...(expect === undefined ? {} : { expect }) }]).then(([entry]) => entry!)
const keys = (entries: readonly { key: string }[]) => entries.map((entry) => entry.key)

function record(store: Store, prefix: string, after: number) {
  const seen: string[] = []
  const batches: (readonly StoreEvent[])[] = []
  let ended: Error | undefined
  const watching = store.watch(prefix, {
    after,
    onEvents(events) {
      batches.push(events)
      for (const { type, key, revision } of events) seen.push(`${type} ${key} ${revision}`)
    },
    onEnd: (error) => (ended = error),
  })
  return { seen, batches, watching, ended: () => ended }
}

export interface Driver {
  name: string
  /** Opens an empty store, whose files may lie in the directory, which is not there yet. */
  open(directory: string, limits?: HistoryLimits): Promise<Store>
}

/** What every driver promises. */
export function describeContract(driver: Driver): void {
  describe(`the ${driver.name} store`, () => {
    const { open } = driver
    let directory: string
    let store: Store

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'wheelhouse-store-'))
      store = await open(join(directory, 'a'))
    })
    afterEach(async () => {
      await store[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
    })

    it('starts at revision 1 with nothing in it', () => {
      expect([store.revision, store.compacted, store.range(''), store.count(''), store.get('/a')]).toEqual([
        1,
        1,
        [],
        0,
        undefined,
      ])
    })

    it('gives each write call one revision, and each key the revision of its creation', async () => {
      const created = await put(store, '/a')
      const updated = await put(store, '/a', 'again')
      expect([created.revision, created.created, updated.revision, updated.created, store.revision]).toEqual([
        2, 2, 3, 2, 3,
      ])
      await remove(store, '/a')
      expect((await put(store, '/a')).created).toBe(5)
    })

    it('keeps the bytes untouched, whatever they are and whatever happens to the buffer they came from', async () => {
      const samples = [
        Buffer.alloc(0),
        Buffer.from([0, 255, 254, 10, 13]),
        Buffer.alloc(70_000, 7),
        Buffer.alloc(3_000_000, 9),
      ]
      await store.write(samples.map((sample, index) => ({ key: `/${index}`, value: () => Buffer.from(sample) })))
      const mine = Buffer.from('mine')
      await store.write([{ key: '/mine', value: () => mine }])
      mine.fill(0)
      expect(
        store.range('/').map((entry) => entry.value.equals(samples[Number(entry.key[1])] ?? Buffer.from('mine'))),
      ).toEqual(Array(5).fill(true))
    })

    it('tells the value the revision it will have', async () => {
      const [entry] = await store.write([{ key: '/a', value: (revision) => Buffer.from(String(revision)) }])
      expect(text(entry)).toBe(String(entry!.revision))
    })

    it('shows a write to readers only when it is durable, and to writers at once', async () => {
      const writing = put(store, '/a', 'new')
      expect([store.get('/a'), store.count('/'), store.revision]).toEqual([undefined, 0, 1])
      expect(text(store.latest('/a'))).toBe('new')
      await writing
      expect(text(store.get('/a'))).toBe('new')
      const removing = remove(store, '/a')
      expect([text(store.get('/a')), store.latest('/a')]).toEqual(['new', undefined])
      await removing
      expect(store.get('/a')).toBeUndefined()
    })

    it('refuses a write whose expectation does not hold, and says what is there', async () => {
      const entry = await put(store, '/a', 'first')
      const refused = await put(store, '/a', 'second', entry.revision - 1).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(ExpectationError)
      expect((refused as ExpectationError).entry).toBe(entry)
      expect(store.revision).toBe(entry.revision)
      expect(text(await put(store, '/a', 'second', entry.revision))).toBe('second')
    })

    it('creates only what does not exist, pending creations included', async () => {
      const results = await Promise.allSettled([put(store, '/a', 'one', 0), put(store, '/a', 'two', 0)])
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected'])
      await expect(put(store, '/a', 'three', 0)).rejects.toThrow(ExpectationError)
      expect(text(store.get('/a'))).toBe('one')
    })

    it('lets a writer build on a pending write', async () => {
      const first = put(store, '/a', 'first')
      const second = put(store, '/a', 'second', store.latest('/a')!.revision)
      const stale = put(store, '/a', 'third', (await first).revision)
      await expect(stale).rejects.toThrow(ExpectationError)
      expect((await second).revision).toBeGreaterThan((await first).revision)
      expect(text(store.get('/a'))).toBe('second')
    })

    it('lets exactly one of many concurrent compare-and-swaps of the same revision win', async () => {
      const { revision } = await put(store, '/a')
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => put(store, '/a', `writer ${i}`, revision)),
      )
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    })

    it('deletes with the tombstone that watchers are shown, or with the last value', async () => {
      const a = await put(store, '/a', 'last')
      await put(store, '/b', 'last')
      const watch = record(store, '/', store.revision)
      const [tombstone] = await store.write([
        { key: '/a', value: undefined, tombstone: (revision) => Buffer.from(`gone at ${revision}`) },
      ])
      await remove(store, '/b')
      expect([text(tombstone), tombstone!.revision, tombstone!.created]).toEqual(['gone at 4', 4, a.created])
      expect(watch.batches.flat().map((event) => [event.type, text(event.entry), text(event.previous)])).toEqual([
        ['delete', 'gone at 4', 'last'],
        ['delete', 'last', 'last'],
      ])
    })

    it('refuses to delete what is not there', async () => {
      await expect(remove(store, '/a')).rejects.toThrow(ExpectationError)
      await put(store, '/a')
      await expect(Promise.all([remove(store, '/a'), remove(store, '/a')])).rejects.toThrow(ExpectationError)
    })

    it('writes several keys under one revision, or none of them', async () => {
      await put(store, '/taken')
      const refused = store.write([
        { key: '/new', value: bytes('new'), expect: 0 },
        { key: '/taken', value: bytes('new'), expect: 0 },
      ])
      await expect(refused).rejects.toThrow(ExpectationError)
      expect([store.latest('/new'), store.revision]).toEqual([undefined, 2])
      const entries = await store.write([
        { key: '/new', value: bytes('new'), expect: 0 },
        { key: '/taken', value: undefined },
      ])
      expect(entries.map((entry) => entry.revision)).toEqual([3, 3])
      expect(keys(store.range('/'))).toEqual(['/new'])
    })

    it('changes nothing when a value cannot be made', async () => {
      const failing = store.write([
        { key: '/a', value: bytes('a') },
        {
          key: '/b',
          value: () => {
            throw new Error('cannot encode')
          },
        },
      ])
      await expect(failing).rejects.toThrow('cannot encode')
      expect([store.latest('/a'), (await put(store, '/c')).revision]).toEqual([undefined, 2])
    })

    it('refuses keys that no driver could keep, without harm to the writers beside them', async () => {
      const beside = put(store, '/beside')
      await expect(put(store, '')).rejects.toThrow(TypeError)
      await expect(put(store, '/' + 'ä'.repeat(maxKeyBytes / 2))).rejects.toThrow(TypeError)
      const twice = [0, 1].map(() => ({ key: '/twice', value: bytes('') }))
      await expect(store.write(twice)).rejects.toThrow(TypeError)
      const many = Array.from({ length: maxWrites + 1 }, (_, i) => ({ key: `/many/${i}`, value: bytes('') }))
      await expect(store.write(many)).rejects.toThrow(TypeError)
      await beside
      await put(store, '/'.padEnd(maxKeyBytes, 'x'))
      expect(store.count('/')).toBe(2)
    })

    it('orders keys, and ends a prefix where it ends', async () => {
      for (const key of ['/b/2', '/b/10', '/a/1', '/b', '/ba/1', '/c/1']) await put(store, key)
      expect(keys(store.range('/b/'))).toEqual(['/b/10', '/b/2'])
      expect(keys(store.range('/b'))).toEqual(['/b', '/b/10', '/b/2', '/ba/1'])
      expect([store.count('/b/'), store.count('/b'), store.count(''), store.count('/d')]).toEqual([2, 4, 6, 0])
    })

    it('pages through a range without losing or repeating a key, while keys come and go', async () => {
      const all = Array.from({ length: 2000 }, (_, i) => `/p/${String(i * 7919).padStart(9, '0')}`)
      for (let i = 0; i < all.length; i += maxWrites)
        await store.write(all.slice(i, i + maxWrites).map((key) => ({ key, value: bytes('') })))
      const { revision } = store
      const paged: string[] = []
      for (let after = ''; ; after = paged.at(-1)!) {
        const page = store.range('/p/', { limit: 170, revision, ...(after ? { after } : {}) })
        if (!page.length) break
        paged.push(...keys(page))
        await store.write([
          { key: page.at(-1)!.key, value: undefined },
          { key: `/p/${page.length}-${paged.length}`, value: bytes('later') },
        ])
      }
      expect(paged).toEqual(all)
      expect(store.range('/p/', { limit: 0 })).toEqual([])
    })

    it('shows the state of an older revision: updates, deletions and creations undone', async () => {
      for (const key of ['/a', '/b', '/c']) await put(store, key, 'old')
      const { revision } = store
      await put(store, '/a', 'new')
      await put(store, '/a', 'newer')
      await remove(store, '/b')
      await put(store, '/b', 'reborn')
      await remove(store, '/c')
      await put(store, '/d', 'new')
      const then = store.range('/', { revision })
      expect(then.map((entry) => [entry.key, text(entry)])).toEqual([
        ['/a', 'old'],
        ['/b', 'old'],
        ['/c', 'old'],
      ])
      expect(keys(store.range('/', { revision, after: '/a', limit: 1 }))).toEqual(['/b'])
      expect([{ revision }, { revision, after: '/a' }, { after: '/a' }].map((o) => store.count('/', o))).toEqual([
        3, 2, 2,
      ])
      expect(keys(store.range('/'))).toEqual(['/a', '/b', '/d'])
    })

    it('refuses a range of the future, and of what has been compacted', async () => {
      for (const key of ['/a', '/b', '/c']) await put(store, key)
      expect(() => store.range('/', { revision: 5 })).toThrow(FutureRevisionError)
      expect(() => store.count('/', { revision: 5 })).toThrow(FutureRevisionError)
      await store.compact(3)
      expect(() => store.range('/', { revision: 2 })).toThrow(CompactedError)
      expect(() => store.count('/', { revision: 2 })).toThrow(CompactedError)
      expect(keys(store.range('/', { revision: 3 }))).toEqual(['/a', '/b'])
      await expect(store.compact(99)).rejects.toThrow(FutureRevisionError)
    })

    it('watches from any kept revision without a gap or a repetition between history and the present', async () => {
      const writes: Promise<unknown>[] = []
      const watches: ReturnType<typeof record>[] = []
      for (let i = 0; i < 60; i++) {
        writes.push(put(store, `/w/${i % 7}`))
        if (i % 5 === 0) watches.push(record(store, '/w/', Math.max(1, store.revision - 3)))
        if (i % 3 === 0) await writes[i]
      }
      await Promise.all(writes)
      const complete = record(store, '/w/', 1).seen
      expect(complete).toHaveLength(60)
      for (const { seen } of watches) expect(seen).toEqual(complete.slice(complete.length - seen.length))
      expect(watches.map(({ seen }) => seen.length > 0)).toEqual(Array(12).fill(true))
    })

    it('tells watchers only what happens under their prefix, also when it is no whole segment', async () => {
      const all = record(store, '', 1)
      const segment = record(store, '/a/', 1)
      const partial = record(store, '/a/b', 1)
      const exact = record(store, '/a/bc', 1)
      for (const key of ['/a/b', '/a/bc', '/a/c', '/ab', '/b/a/b']) await put(store, key)
      expect([all, segment, partial, exact].map(({ seen }) => seen.map((line) => line.split(' ')[1]))).toEqual([
        ['/a/b', '/a/bc', '/a/c', '/ab', '/b/a/b'],
        ['/a/b', '/a/bc', '/a/c'],
        ['/a/b', '/a/bc'],
        ['/a/bc'],
      ])
    })

    it('never splits the events of one revision over two batches', async () => {
      const { batches } = record(store, '/', 1)
      const three = (n: number) =>
        store.write(['/a', '/b', '/c'].map((key) => ({ key: `${key}${n}`, value: bytes('') })))
      await Promise.all([three(1), three(2), three(3)])
      const revisions = batches.map((batch) => new Set(batch.map((event) => event.revision)))
      expect(revisions.reduce((sum, set) => sum + set.size, 0)).toBe(3)
      expect(batches.flat()).toHaveLength(9)
    })

    it('shows watchers a state in which their events have already happened', async () => {
      const seen: unknown[] = []
      store.watch('/', {
        after: 1,
        onEvents: (events) => seen.push([store.revision, text(store.get(events[0]!.key))]),
        onEnd() {},
      })
      await put(store, '/a', 'there')
      expect(seen).toEqual([[2, 'there']])
    })

    it('holds back a watch that starts in the future until then', async () => {
      const { seen } = record(store, '/', 3)
      for (const key of ['/2', '/3', '/4']) await put(store, key)
      expect(seen).toEqual(['put /4 4'])
    })

    it('lets watchers come and go within a delivery', async () => {
      const late: string[] = []
      const first = store.watch('/', {
        after: 1,
        onEvents() {
          first[Symbol.dispose]()
          late.push(...record(store, '/', 1).seen)
        },
        onEnd() {},
      })
      const other = record(store, '/', 1)
      await put(store, '/a')
      await put(store, '/b')
      expect([late, other.seen]).toEqual([['put /a 2'], ['put /a 2', 'put /b 3']])
    })

    it('ends a watcher that throws, and serves the others', async () => {
      let ended: Error | undefined
      store.watch('/', {
        after: 1,
        onEvents() {
          throw new Error('broken')
        },
        onEnd: (error) => (ended = error),
      })
      const other = record(store, '/', 1)
      await put(store, '/a')
      expect([ended?.message, other.seen]).toEqual(['broken', ['put /a 2']])
    })

    it('refuses to watch from before the compaction, and goes on with watches that are up to date', async () => {
      const current = record(store, '/', 1)
      for (const key of ['/a', '/b', '/c']) await put(store, key)
      await store.compact(3)
      const refused = () => record(store, '/', 2)
      expect(refused).toThrow(CompactedError)
      expect(store.compacted).toBe(3)
      expect(record(store, '/', 3).seen).toEqual(['put /c 4'])
      await put(store, '/d')
      expect(current.seen).toHaveLength(4)
      expect(current.ended()).toBeUndefined()
    })

    it('forgets the oldest history by itself before it fills the memory', async () => {
      const small = await open(join(directory, 'small'), { events: 40, bytes: 1e6 })
      for (let i = 0; i < 100; i++) await put(small, '/a', String(i))
      const { seen } = record(small, '/', small.compacted)
      expect(seen.length).toBeGreaterThanOrEqual(30)
      expect(seen.length).toBeLessThanOrEqual(40)
      for (let i = 0; i < 8; i++) await put(small, '/a', 'x'.repeat(300_000))
      expect(record(small, '/', small.compacted).seen.length).toBeLessThanOrEqual(4)
      await small[Symbol.asyncDispose]()
    })

    it('keeps every value intact while slabs are emptied and reused', async () => {
      const small = await open(join(directory, 'churn'), { events: 100, bytes: 1e6 })
      const value = (i: number, round: number) => `${i}:${round}:`.repeat(50 + ((i * 31 + round * 17) % 400))
      const first = await put(small, '/keep/0', value(0, 0))
      for (let round = 0; round < 12; round++) {
        await Promise.all(Array.from({ length: 150 }, (_, i) => put(small, `/v/${i}`, value(i, round))))
      }
      expect(text(first)).toBe(value(0, 0))
      expect(small.range('/v/').every((entry) => text(entry) === value(Number(entry.key.slice(3)), 11))).toBe(true)
      await small[Symbol.asyncDispose]()
    })

    it('finishes what has been written, ends its watches and refuses everything else when it is disposed', async () => {
      const watch = record(store, '/', 1)
      const writing = put(store, '/a')
      await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()])
      expect((await writing).revision).toBe(2)
      expect(watch.seen).toEqual(['put /a 2'])
      expect(watch.ended()).toBeInstanceOf(StoreClosedError)
      await expect(put(store, '/b')).rejects.toThrow(StoreClosedError)
      expect(() => record(store, '/', 1)).toThrow(StoreClosedError)
    })
  })
}
