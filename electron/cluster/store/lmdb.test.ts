import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { CommitError, CompactedError, StoreOpenError, type Store } from './api.ts'
import { openLmdbStore } from './lmdb.ts'

const child = fileURLToPath(new URL('./lmdb.test-child.ts', import.meta.url))
const isRoot = process.getuid?.() === 0
const has = (command: string) => spawnSync('which', [command]).status === 0
const put = (store: Store, key: string, value = key) => store.write([{ key, value: () => Buffer.from(value) }])
const contents = (store: Store) =>
  store.range('').map(({ key, value, revision, created }) => [key, value.toString(), revision, created])

let directory: string
let scratch: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'wheelhouse-lmdb-'))
  directory = join(scratch, 'store')
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

async function filled(entries: number): Promise<void> {
  const store = await openLmdbStore({ directory })
  await Promise.all(
    Array.from({ length: entries }, (_, i) =>
      store.write([{ key: `/registry/pods/default/pod-${i}`, value: () => Buffer.alloc(200 + ((i * 37) % 6000), i) }]),
    ),
  )
  await store[Symbol.asyncDispose]()
}

const refusal = (opening: Promise<Store>): Promise<StoreOpenError> =>
  opening.then(
    async (store) => {
      await store[Symbol.asyncDispose]()
      throw new Error(`opened with ${store.count('')} entries`)
    },
    (error: StoreOpenError) => {
      expect(error).toBeInstanceOf(StoreOpenError)
      expect(error.cure).not.toBe('')
      return error
    },
  )

describe('a reopened store', () => {
  it('holds everything as it was, and goes on counting', async () => {
    const first = await openLmdbStore({ directory })
    for (const key of ['/a', '/b', '/c', '/ä/\u{1F600}', '/big'])
      await put(first, key, key === '/big' ? 'x'.repeat(5e6) : 'one')
    await put(first, '/a', 'two')
    await first.write([{ key: '/b', value: undefined }])
    const before = contents(first)
    const { revision } = first
    await first[Symbol.asyncDispose]()

    const second = await openLmdbStore({ directory })
    expect(contents(second)).toEqual(before)
    expect([second.revision, (await put(second, '/d'))[0]!.revision]).toEqual([revision, revision + 1])
    await second[Symbol.asyncDispose]()
  })

  it('keeps no history: watches from before are refused, those from now on are not', async () => {
    await filled(3)
    const store = await openLmdbStore({ directory })
    const ignore = { onEvents() {}, onEnd() {} }
    expect(store.compacted).toBe(store.revision)
    expect(() => store.watch('/', { after: store.revision - 1, ...ignore })).toThrow(CompactedError)
    store.watch('/', { after: store.revision, ...ignore })
    await store[Symbol.asyncDispose]()
  })

  it('grows as far as it needs to, also within one write', async () => {
    const store = await openLmdbStore({ directory })
    const megabyte = Buffer.alloc(1 << 20, 1)
    for (let i = 0; i < 4; i++) {
      await store.write(Array.from({ length: 10 }, (_, n) => ({ key: `/${i}/${n}`, value: () => megabyte })))
    }
    await store[Symbol.asyncDispose]()
    const again = await openLmdbStore({ directory })
    expect(again.range('').every(({ value }) => value.equals(megabyte))).toBe(true)
    expect(again.count('')).toBe(40)
    await again[Symbol.asyncDispose]()
  })
})

describe('durability', () => {
  it('loses no acknowledged write and reuses no revision when it is killed in the middle of 64 writers', async () => {
    const acknowledged = new Map<string, { value: number; revision: number }>()
    const revisions = new Set<number>()
    let repeated = 0
    for (let life = 0; life < 3; life++) {
      const lines = await hammerAndKill(1500)
      for (const [, key, value, revision] of lines) {
        repeated += revisions.has(Number(revision)) ? 1 : 0
        revisions.add(Number(revision))
        acknowledged.set(key!, { value: Number(value), revision: Number(revision) })
      }
    }
    const store = await openLmdbStore({ directory })
    // A write may have become durable without its acknowledgement having got out: then what is there is newer.
    const lost = [...acknowledged].filter(([key, { value, revision }]) => {
      const entry = store.get(key)
      return !entry || entry.revision < revision || Number(entry.value.toString()) < value
    })
    expect([lost, repeated]).toEqual([[], 0])
    expect(acknowledged.size).toBeGreaterThan(1000)
    expect(store.revision).toBeGreaterThanOrEqual(Math.max(...revisions))
    await store[Symbol.asyncDispose]()
  }, 30_000)

  async function hammerAndKill(lines: number): Promise<string[][]> {
    const process_ = spawn(process.execPath, [child, directory, 'hammer', '64'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    process_.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (output.length > lines * 25) process_.kill('SIGKILL')
    })
    await new Promise((resolve) => process_.once('close', resolve))
    // The last line may be cut off.
    return output
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('ack '))
      .map((line) => line.split(' '))
  }

  it.runIf(process.platform === 'linux' && has('strace'))(
    'acknowledges no write before its fdatasync',
    () => {
      const trace = join(scratch, 'trace')
      const traced = spawnSync('strace', [
        '-f',
        '-e',
        'trace=fdatasync,pwrite64,write',
        '-o',
        trace,
        process.execPath,
        child,
        directory,
        'count',
        '20',
      ])
      expect(traced.status).toBe(0)
      // Per acknowledgement: pages, then their fdatasync, then the header through a descriptor that syncs each write.
      const calls = readFileSync(trace, 'utf8').matchAll(
        /(write\(1, "ack|fdatasync\(\d+\) += 0|fdatasync resumed>.*= 0|pwrite64\(\d+, .*, 128, )/g,
      )
      const order = [...calls].map(([call]) =>
        call.includes('ack') ? 'ack' : call.includes('fdatasync') ? 'sync' : 'header',
      )
      const acks = order.join(' ').split('ack').slice(0, 20)
      expect(acks).toHaveLength(20)
      expect(acks.filter((before) => !before.endsWith('sync header '))).toEqual([])
    },
    30_000,
  )

  it.runIf(process.platform === 'linux' && isRoot)(
    'refuses writes with a cure while the disk is full, keeps what it has, and recovers',
    async () => {
      mkdirSync(directory)
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'none', directory]).status).toBe(0)
      try {
        const store = await openLmdbStore({ directory })
        await put(store, '/kept', 'kept')
        const big = () => store.write([{ key: '/big', value: () => Buffer.alloc(6 << 20) }])
        await big()
        const refused = await Promise.allSettled([big(), put(store, '/beside')])
        expect(refused.map((outcome) => (outcome as PromiseRejectedResult).reason)).toEqual([
          expect.any(CommitError),
          expect.any(CommitError),
        ])
        expect((refused[0] as PromiseRejectedResult).reason).toMatchObject({
          message: expect.stringContaining('is full'),
        })
        expect([store.get('/beside'), store.latest('/kept')?.value.toString()]).toEqual([undefined, 'kept'])
        await put(store, '/small', 'fits')
        await put(store, '/small', 'fits again')
        const before = contents(store)
        await store[Symbol.asyncDispose]()
        const again = await openLmdbStore({ directory })
        expect(contents(again)).toEqual(before)
        await again[Symbol.asyncDispose]()
      } finally {
        spawnSync('umount', [directory])
      }
    },
  )
})

describe('opening', () => {
  it('refuses a second opener and names the process that has it', async () => {
    const store = await openLmdbStore({ directory })
    expect((await refusal(openLmdbStore({ directory }))).message).toBe(
      `the data directory ${directory} is in use by process ${process.pid}`,
    )
    const other = spawnSync(process.execPath, [child, directory, 'open'], { encoding: 'utf8' })
    expect([other.status, other.stdout]).toEqual([3, expect.stringContaining(`in use by process ${process.pid}`)])
    await store[Symbol.asyncDispose]()
    await (await openLmdbStore({ directory }))[Symbol.asyncDispose]()
  })

  it('takes over from a process that died, also when its pid has passed on to another', async () => {
    await filled(1)
    for (const holder of [
      { pid: 2 ** 22 + 1 },
      { pid: process.pid, started: '1' },
      ...(process.platform === 'linux' ? [{ pid: 1, started: '-1' }] : []),
    ]) {
      writeFileSync(join(directory, 'LOCK'), JSON.stringify(holder))
      const store = await openLmdbStore({ directory })
      expect(store.count('')).toBe(1)
      await store[Symbol.asyncDispose]()
    }
  })

  it('says that a read-only directory cannot be written', () => {
    mkdirSync(directory)
    chmodSync(scratch, 0o755)
    chmodSync(directory, 0o555)
    const reader = spawnSync(process.execPath, [child, directory, 'open'], {
      encoding: 'utf8',
      ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
    })
    expect([reader.status, reader.stdout]).toEqual([3, expect.stringContaining('cannot be written')])
    chmodSync(directory, 0o755)
  })

  it('says that a file is in the way', async () => {
    writeFileSync(directory, '')
    expect((await refusal(openLmdbStore({ directory }))).message).toContain('cannot be written')
  })

  /** Where the header of the last commit begins, and the page that it names at a place. */
  const newerHeader = (file: Buffer) => (file.readBigUInt64LE(152) > file.readBigUInt64LE(4096 + 152) ? 0 : 4096)
  const rootPage = (file: Buffer, tree: number) =>
    Number(file.readBigUInt64LE(newerHeader(file) + 24 + tree + 40)) * 4096
  const damages: [string, (file: Buffer) => Buffer | undefined][] = [
    ['missing', () => undefined],
    ['empty', () => Buffer.alloc(0)],
    ['cut off within its header', (file) => file.subarray(0, 100)],
    ['cut off', (file) => file.subarray(0, file.length / 3)],
    ['overwritten from the start', (file) => file.fill('garbage', 0, 10_000)],
    ['overwritten in the middle', (file) => file.fill(0xa5, file.length / 4, (file.length * 3) / 4)],
    ['zeroed behind its header', (file) => file.fill(0, 8192)],
    ['without its second header', (file) => file.fill(0, 4096, 8192)],
    ['of another version', (file) => file.fill(3, 28, 29).fill(3, 4096 + 28, 4096 + 29)],
    [
      'torn in its newer header',
      (file) => {
        const newer = newerHeader(file)
        file.copy(file, newer + 60, 4096 - newer + 60, 4096 - newer + 160)
        return file
      },
    ],
    ['without the names of what is in it', (file) => file.fill(0, rootPage(file, 72) + 200, rootPage(file, 72) + 4096)],
    ['with a garbled list of free pages', (file) => file.fill(0, rootPage(file, 24) + 200, rootPage(file, 24) + 4096)],
    ['of another kind', () => Buffer.from('#!/bin/sh\necho I am not a database\n'.repeat(1000))],
  ]
  it.each(damages)('refuses a data file that is %s, and leaves it alone', async (_, damage) => {
    await filled(400)
    const path = join(directory, 'data.mdb')
    const damaged = damage(readFileSync(path))
    if (damaged) writeFileSync(path, damaged)
    else rmSync(path)
    expect((await refusal(openLmdbStore({ directory }))).message).toContain(`the data file ${path} is damaged`)
    expect(existsSync(path) ? readFileSync(path) : undefined).toEqual(damaged)
  })

  it('notices or survives any single damaged page, and never comes up with something else', async () => {
    await filled(1200)
    const path = join(directory, 'data.mdb')
    const whole = await openLmdbStore({ directory })
    const expected = contents(whole)
    await whole[Symbol.asyncDispose]()
    const sound = readFileSync(path)
    const random = seededRandom(11)
    const pages = statSync(path).size / 4096
    const outcomes = { noticed: 0, unharmed: 0, wrong: 0 }
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(sound)
      const anyPage = (of: Buffer) => of.subarray(Math.floor(random.next() * pages) * 4096).subarray(0, 4096)
      const page = anyPage(bytes)
      if (round % 3 === 0) page.fill(0)
      else if (round % 3 === 1) page.set(anyPage(sound))
      else for (let i = 0; i < 6; i++) page[Math.floor(random.next() * 80)]! ^= 1 << Math.floor(random.next() * 8)
      const copy = join(scratch, `copy-${round}`)
      mkdirSync(copy)
      cpSync(join(directory, 'FORMAT'), join(copy, 'FORMAT'))
      writeFileSync(join(copy, 'data.mdb'), bytes)
      const store = await openLmdbStore({ directory: copy }).catch((error: unknown) => error)
      if (store instanceof StoreOpenError) outcomes.noticed++
      else if (isDeepStrictEqual(contents(store as Store), expected)) outcomes.unharmed++
      else outcomes.wrong++
      if (!(store instanceof Error)) await (store as Store)[Symbol.asyncDispose]()
      rmSync(copy, { recursive: true })
    }
    expect(outcomes.wrong).toBe(0)
    expect(outcomes.noticed).toBeGreaterThan(30)
  }, 30_000)
})
