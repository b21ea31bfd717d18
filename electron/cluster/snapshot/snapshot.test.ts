import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterFailure } from '../failure.ts'
import { dumpOf } from '../store/dump.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { openMemoryStore } from '../store/memory.ts'
import { readSnapshot, writeSnapshot, type Snapshot } from './file.ts'
import { restoreSnapshot } from './restore.ts'
import { readPending, seedLmdb, seedShared } from './seed.ts'

let folder: string
const at = (...names: string[]) => path.join(folder, ...names)
const data = (name: string) => ({ file: (...names: string[]) => at(name, ...names) })

beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'snapshot-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const entry = (key: string, revision: number, value: object) => ({
  key: `/registry/${key}`,
  revision,
  created: 2,
  value: Buffer.from(JSON.stringify(value)),
})
const sample: Snapshot = {
  revision: 90,
  entries: [
    entry('configmaps/a/x', 7, { metadata: { name: 'x' }, data: { text: 'ünï\n,"value":{"}', '2': 'b', '10': 'a' } }),
    entry('configmaps/a/y', 5, { metadata: { name: 'y' } }),
    ...Array.from({ length: 300 }, (_, i) => entry(`pods/a/${String(i).padStart(3, '0')}`, 8 + (i % 80), { i })),
  ],
  keys: { 'ca.crt': 'certificate\n', 'ca.key': 'key\n' },
  host: { port: 6443 },
}

function saved(): string {
  writeSnapshot(at('file'), sample, 0)
  return at('file')
}

describe('a snapshot file', () => {
  it('gives back every byte, and is for its owner only', () => {
    const file = saved()
    expect(readSnapshot(file)).toEqual(sample)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['file'])
  })

  it('is refused in one sentence when it is cut off anywhere, or a bit of it is wrong', () => {
    const whole = readFileSync(saved())
    for (let i = 0; i < 40; i++) {
      const position = Math.floor((whole.length * i) / 40)
      const flipped = Buffer.from(whole)
      flipped[position]! ^= 4
      for (const bytes of [whole.subarray(0, position), flipped]) {
        writeFileSync(at('bad'), bytes)
        try {
          // Bits of gzip's own header (its time, its system) are of no account.
          expect(readSnapshot(at('bad'))).toEqual(sample)
          expect(position).toBeLessThan(10)
        } catch (error) {
          expect(error).toBeInstanceOf(ClusterFailure)
          expect((error as ClusterFailure).message).toMatch(/^\S+ is no whole snapshot: [^\n]+\.$/)
        }
      }
    }
  })

  it('is refused when it is something else, of another version, or not there', () => {
    writeFileSync(at('other'), 'hello')
    expect(() => readSnapshot(at('other'))).toThrow('is no whole snapshot')
    expect(() => readSnapshot(at('nowhere'))).toThrow('cannot be read')
  })
})

describe('restoring', () => {
  it('makes a data directory with the keys and what the host remembers', () => {
    mkdirSync(at('empty'))
    expect(restoreSnapshot(saved(), at('empty'))).toEqual({ revision: 90, entries: 302 })
    expect(readFileSync(at('empty', 'pki', 'ca.key'), 'utf8')).toBe('key\n')
    expect(statSync(at('empty', 'pki', 'ca.key')).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(at('empty', 'host.json'), 'utf8'))).toEqual({ port: 6443 })
    expect(readPending(data('empty'))?.entries).toEqual(sample.entries)
  })

  it('touches nothing that is there already, and leaves nothing behind when the file is damaged', () => {
    const file = saved()
    mkdirSync(at('used'))
    writeFileSync(at('used', 'precious'), 'x')
    expect(() => restoreSnapshot(file, at('used'))).toThrow('never restored over anything')
    writeFileSync(at('bad'), readFileSync(file).subarray(0, 500))
    expect(() => restoreSnapshot(at('bad'), at('new'))).toThrow('is no whole snapshot')
    expect([readdirSync(at('used')), readdirSync(folder).sort()]).toEqual([['precious'], ['bad', 'file', 'used']])
  })
})

describe('the first start after it', () => {
  it('fills the store of LMDB with the same entries at the same revisions, once', async () => {
    restoreSnapshot(saved(), at('d'))
    // What a start that was killed has left.
    mkdirSync(at('d', 'store-filling'))
    writeFileSync(at('d', 'store-filling', 'data.mdb'), 'torn')
    await seedLmdb(data('d'))
    const store = await openLmdbStore({ directory: at('d', 'store') })
    expect(store.revision).toBe(90)
    expect(
      dumpOf(store).entries.map(({ key, value, revision, created }) => ({ key, value, revision, created })),
    ).toEqual(sample.entries)
    await store.write([{ key: '/registry/new', value: () => Buffer.from('{}') }])
    await store[Symbol.asyncDispose]()
    expect(existsSync(at('d', 'restored.snapshot'))).toBe(false)
    await seedLmdb(data('d'))
    const again = await openLmdbStore({ directory: at('d', 'store') })
    expect(again.revision).toBe(91)
    await again[Symbol.asyncDispose]()
  })

  it('fills memory anew at each start', () => {
    restoreSnapshot(saved(), at('d'))
    for (let start = 0; start < 2; start++) {
      const store = openMemoryStore(undefined, readPending(data('d')))
      expect([store.revision, store.count(''), store.get('/registry/configmaps/a/x')?.revision]).toEqual([90, 302, 7])
    }
  })

  it('writes everything to an empty shared store, in the order of its changes, and nothing to another', async () => {
    restoreSnapshot(saved(), at('d'))
    const store = openMemoryStore()
    const restamp = (_: string, value: Buffer, revision: number) => Buffer.concat([value, Buffer.from(`@${revision}`)])
    const deps = { store, pending: readPending(data('d'))!, data: data('d'), restamp, place: 'there' }
    await seedShared(deps)
    expect(store.count('')).toBe(302)
    expect(existsSync(at('d', 'restored.snapshot'))).toBe(false)
    const of = (key: string) => store.get(`/registry/${key}`)!
    expect(of('configmaps/a/y').revision).toBeLessThanOrEqual(of('configmaps/a/x').revision)
    expect(of('configmaps/a/x').revision).toBeLessThan(of('pods/a/079').revision)
    expect(of('pods/a/000').value.toString()).toBe(`{"i":0}@${of('pods/a/000').revision}`)
    const before = store.revision
    await expect(seedShared(deps)).rejects.toThrow('there is not empty')
    expect(store.revision).toBe(before)
  })
})
