import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../digest.ts'
import { tar, type LayerEntry } from '../testing/image.ts'
import { applyLayer } from './apply-layer.ts'
import { unpack } from './unpack.ts'

const isRoot = process.getuid?.() === 0

let directory: string
let root: string
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-layer-'))
  root = path.join(directory, 'root')
  mkdirSync(root)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

async function apply(entries: readonly LayerEntry[] | Buffer, room?: (bytes: number) => void): Promise<string> {
  const file = path.join(directory, 'layer')
  writeFileSync(file, Buffer.isBuffer(entries) ? entries : await tar(entries))
  return applyLayer(file, root, 'sha256:', { owners: isRoot, ...(room ? { room } : {}) })
}

const inside = (name: string) => path.join(root, name)
const read = (name: string) => readFileSync(inside(name), 'utf8')
const all = () => readdirSync(root, { recursive: true }).map(String).toSorted()

it.each([
  ['plain', (archive: Buffer) => archive],
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
])('reads %s and answers the digest of the archive', async (_name, compress) => {
  const archive = await tar([{ name: 'a/file', content: 'content' }])
  expect(await apply(compress(archive))).toBe(digestOf(archive))
  expect(read('a/file')).toBe('content')
})

it('keeps modes, times and kinds of files', async () => {
  const mtime = new Date('2001-02-03T04:05:06Z')
  await apply([
    { name: './', type: 'directory', mode: 0o711 },
    { name: 'folder/', type: 'directory', mode: 0o2750, mtime },
    { name: 'folder/tool', mode: 0o4755, content: 'x', mtime },
    { name: 'folder/again', type: 'link', linkname: './folder/tool' },
    { name: 'folder/link', type: 'symlink', linkname: '/anywhere/at/all' },
    { name: 'folder/pipe', type: 'fifo', mode: 0o640 },
    { name: 'folder/disk', type: 'block-device', devmajor: 254, devminor: 0 },
  ])
  expect(statSync(root).mode & 0o7777).toBe(0o711)
  const folder = statSync(inside('folder'))
  expect([folder.mode & 0o7777, folder.mtime]).toEqual([0o2750, mtime])
  const tool = statSync(inside('folder/tool'))
  expect([tool.mode & 0o7777, tool.mtime, tool.nlink]).toEqual([0o4755, mtime, 2])
  expect(readlinkSync(inside('folder/link'))).toBe('/anywhere/at/all')
  expect(lstatSync(inside('folder/pipe')).isFIFO()).toBe(true)
  expect(existsSync(inside('folder/disk'))).toBe(false)
})

it.skipIf(!isRoot)('gives files to their owners, those with large numbers too', async () => {
  await apply([
    { name: 'a', uid: 101, gid: 102, mode: 0o4755, content: 'x' },
    { name: 'b', type: 'symlink', linkname: 'a', uid: 5, gid: 6 },
    { name: 'c', content: 'x', pax: { uid: '3000000', gid: '4000000' } },
  ])
  const owners = ['a', 'b', 'c'].map((name) => lstatSync(inside(name))).map(({ uid, gid }) => [uid, gid])
  expect(owners).toEqual([
    [101, 102],
    [5, 6],
    [3_000_000, 4_000_000],
  ])
  expect(statSync(inside('a')).mode & 0o7777).toBe(0o4755)
})

describe('over the layers below', () => {
  beforeEach(() =>
    apply([
      { name: 'kept', content: 'below' },
      { name: 'changed', content: 'below' },
      { name: 'gone', content: 'below' },
      { name: 'folder/one', content: 'below' },
      { name: 'folder/two/three', content: 'below' },
      { name: 'usr/bin/tool', content: 'below' },
      { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
    ]),
  )

  it('changes, hides and keeps', async () => {
    await apply([{ name: 'changed', content: 'above' }, { name: '.wh.gone' }, { name: 'folder/two/.wh.three' }])
    expect([read('kept'), read('changed')]).toEqual(['below', 'above'])
    expect(existsSync(inside('gone'))).toBe(false)
    expect(readdirSync(inside('folder/two'))).toEqual([])
  })

  it('hides all that an opaque directory had, wherever in the archive that is said', async () => {
    await apply([
      { name: 'folder/', type: 'directory' },
      { name: 'folder/two/four', content: 'above' },
      { name: 'folder/.wh..wh..opq' },
      { name: 'folder/five', content: 'above' },
    ])
    expect(all().filter((name) => name.startsWith('folder/'))).toEqual(['folder/five', 'folder/two', 'folder/two/four'])
  })

  it('hides nothing that it brings itself, and ignores what AUFS noted down', async () => {
    await apply([{ name: 'gone', content: 'above' }, { name: '.wh.gone' }, { name: '.wh..wh.plnk/1.2', content: 'x' }])
    expect(read('gone')).toBe('above')
  })

  it('goes through the links of directories below', async () => {
    await apply([{ name: 'bin/other', content: 'above' }, { name: 'bin/.wh.tool' }])
    expect(readdirSync(inside('usr/bin'))).toEqual(['other'])
    expect(lstatSync(inside('bin')).isSymbolicLink()).toBe(true)
  })

  it('puts one kind of file in the place of another', async () => {
    await apply([
      { name: 'folder', content: 'a file' },
      { name: 'kept/', type: 'directory' },
      { name: 'kept/child', content: 'above' },
      { name: 'bin', type: 'directory' },
    ])
    expect([read('folder'), read('kept/child')]).toEqual(['a file', 'above'])
    expect(readdirSync(inside('bin'))).toEqual([])
    expect(read('usr/bin/tool')).toBe('below')
  })

  it('does not write into what other names of a file have', async () => {
    await apply([{ name: 'alias', type: 'link', linkname: 'kept' }])
    await apply([{ name: 'alias', content: 'above' }])
    expect([read('kept'), read('alias')]).toEqual(['below', 'above'])
  })
})

describe('what reaches outside', () => {
  const secret = () => path.join(directory, 'secret')
  beforeEach(() => writeFileSync(secret(), 'secret'))

  it.each<[string, LayerEntry[]]>([
    ['a name with ..', [{ name: '../outside', content: 'x' }]],
    ['a name with .. in its middle', [{ name: 'a/../../outside', content: 'x' }]],
    ['a whiteout with ..', [{ name: '../.wh.secret' }]],
    ['a whiteout of the directory itself', [{ name: 'a/.wh...' }]],
    ['a whiteout of the one above', [{ name: '.wh...' }]],
    ['a hard link to nothing', [{ name: 'a', type: 'link', linkname: 'missing' }]],
    ['a hard link with ..', [{ name: 'a', type: 'link', linkname: '../secret' }]],
    ['a file in the place of all', [{ name: './', type: 'file', content: 'x' }]],
  ])('is refused: %s', async (_what, entries) => {
    await expect(apply(entries)).rejects.toThrow(/a layer/)
    expect(readdirSync(directory).toSorted()).toEqual(['layer', 'root', 'secret'])
  })

  it('stays inside through links that lead out', async () => {
    await apply([
      { name: 'up', type: 'symlink', linkname: '../../../..' },
      { name: 'absolute', type: 'symlink', linkname: directory },
      { name: 'up/one', content: 'x' },
      { name: 'absolute/two', content: 'x' },
      { name: 'absolute/.wh.secret' },
      { name: '/three', content: 'x' },
    ])
    expect(readFileSync(secret(), 'utf8')).toBe('secret')
    expect(readdirSync(directory).toSorted()).toEqual(['layer', 'root', 'secret'])
    expect(existsSync(inside('one'))).toBe(true)
    expect(existsSync(inside('three'))).toBe(true)
    expect(readFileSync(path.join(root, directory, 'two'), 'utf8')).toBe('x')
  })

  it('replaces a link instead of writing to where it leads', async () => {
    await apply([
      { name: 'link', type: 'symlink', linkname: secret() },
      { name: 'link', content: 'x' },
      { name: 'hard', type: 'symlink', linkname: secret() },
      { name: 'hard2', type: 'link', linkname: 'hard' },
      { name: 'hard2', content: 'y' },
    ])
    expect(readFileSync(secret(), 'utf8')).toBe('secret')
    expect([read('link'), read('hard2')]).toEqual(['x', 'y'])
  })

  it('ends links that lead in circles', async () => {
    await apply([
      { name: 'a', type: 'symlink', linkname: 'b' },
      { name: 'b', type: 'symlink', linkname: 'a' },
    ])
    await apply([{ name: 'a/file', content: 'x' }]).catch(() => {})
    expect(readdirSync(directory).toSorted()).toEqual(['layer', 'root', 'secret'])
  })
})

it.each([
  ['cut off', async () => (await tar([{ name: 'a', content: Buffer.alloc(5000) }])).subarray(0, 3000), /end of data/i],
  [
    'compressed and cut off',
    async () => gzipSync(await tar([{ name: 'a', content: 'x' }])).subarray(0, 60),
    /end of file/,
  ],
  ['no archive', async () => Buffer.alloc(5000, 'x'), /invalid tar header/i],
])('says that an archive is %s', async (_what, make, message) => {
  await expect(apply(await make())).rejects.toThrow(message)
})

it('does not read a header without end into memory', async () => {
  const entry: LayerEntry = { name: 'a', content: 'x', pax: { comment: 'x'.repeat(40_000_000) } }
  await expect(apply(gzipSync(await tar([entry])))).rejects.toThrow('a layer has a header of more than 16777216 bytes')
})

it('stops where there is no more room', async () => {
  const entries = ['a', 'b', 'c'].map((name) => ({ name, content: Buffer.alloc(100_000) }))
  let left = 150_000
  const room = (bytes: number) => {
    left -= bytes
    if (left < 0) throw new Error('the disk is full')
  }
  await expect(apply(entries, room)).rejects.toThrow('the disk is full')
  expect(all()).not.toContain('c')
})

it('keeps some room on the disk free', async () => {
  const file = path.join(directory, 'layer')
  const archive = await tar([{ name: 'a', content: 'content' }])
  writeFileSync(file, archive)
  const order = { blob: file, root, diffId: digestOf(archive), owners: isRoot }
  expect(await unpack({ ...order, keepFreeBytes: Number.MAX_SAFE_INTEGER })).toEqual({
    error: 'the disk is full: no room is left for the layer',
  })
  expect(await unpack({ ...order, root: `${root}-2`, keepFreeBytes: 0 })).toEqual({ passwd: '', group: '' })
})
