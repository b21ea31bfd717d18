import {
  chmodSync,
  closeSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  symlinkSync,
  linkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { options, Usage, type Applet } from '../applet.ts'
import { complain, out, read, readAll, reason, write } from '../io.ts'
import { modeText } from './ls.ts'

const block = 512
const paxHeader = 'x'
const longName = 'L'
const longLink = 'K'

export const tar: Applet = async (args) => {
  // `tar xf a` is `tar -xf a`.
  const [first = '', ...others] = args
  const { has, value, rest } = options(
    /^[a-zA-Z]+$/.test(first) ? [`-${first}`, ...others] : args,
    'cxtvf:C:zmpokhT:O',
    {
      create: 'c',
      extract: 'x',
      list: 't',
      file: 'f',
      directory: 'C',
      gzip: 'z',
      verbose: 'v',
      touch: 'm',
      'no-same-owner': 'o',
      'no-overwrite-dir': 'k',
    },
  )
  const archive = value('f') ?? '-'
  const target = archive === '-' ? undefined : path.resolve(archive)
  const directory = value('C')
  if (has('c')) {
    const descriptor = target === undefined ? 1 : openSync(target, 'w')
    if (directory !== undefined) process.chdir(directory)
    return create(descriptor, rest, has('z'), has('v'), has('h'))
  }
  if (!has('x') && !has('t')) throw new Usage('you must specify one of -c, -x, -t')
  const descriptor = target === undefined ? 0 : openSync(target, 'r')
  if (directory !== undefined) process.chdir(directory)
  const input = has('z') ? fromBuffer((await zlib()).gunzipSync(readAll(descriptor))) : fromDescriptor(descriptor)
  return extract(input, rest, { listed: has('t'), verbose: has('v'), keepTime: !has('m'), toOutput: has('O') })
}

const zlib = () => import('node:zlib')

async function create(
  descriptor: number,
  names: readonly string[],
  compressed: boolean,
  verbose: boolean,
  followLinks: boolean,
): Promise<number> {
  if (!names.length) throw new Usage('empty archive')
  const held: Buffer[] = []
  const put = compressed
    ? (bytes: Uint8Array) => void held.push(Buffer.from(bytes))
    : (bytes: Uint8Array) => write(descriptor, bytes)
  let status = 0
  const add = (name: string) => {
    try {
      if (verbose) complain(name)
      const stats = lstatSync(name)
      const file = followLinks && stats.isSymbolicLink() ? statOf(name) : stats
      const stored = name.replace(/^\/+/, '') || '.'
      const common = { mode: file.mode & 0o7777, uid: file.uid, gid: file.gid, mtime: Math.floor(file.mtimeMs / 1000) }
      if (file.isDirectory()) {
        put(header({ ...common, name: stored.endsWith('/') ? stored : `${stored}/`, size: 0, type: '5' }))
        for (const entry of readdirSync(name).sort()) add(`${name.replace(/\/$/, '')}/${entry}`)
      } else if (file.isSymbolicLink())
        put(header({ ...common, name: stored, size: 0, type: '2', link: readlinkSync(name) }))
      else if (file.isFile()) {
        put(header({ ...common, name: stored, size: file.size, type: '0' }))
        putFile(name, file.size, put)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      complain(`tar: ${name}: ${reason(error)}`)
      status = 1
    }
  }
  names.forEach(add)
  put(Buffer.alloc(2 * block))
  if (compressed) write(descriptor, (await zlib()).gzipSync(Buffer.concat(held)))
  return status
}

const statOf = (name: string) => lstatSync(path.resolve(path.dirname(name), readlinkSync(name)))

/** A file that shrinks meanwhile is filled up: the header has promised its size. */
function putFile(name: string, size: number, put: (bytes: Uint8Array) => void): void {
  const descriptor = openSync(name, 'r')
  try {
    let left = size
    const buffer = Buffer.alloc(65536)
    while (left > 0) {
      const count = readSync(descriptor, buffer, 0, Math.min(buffer.length, left), null)
      put(count ? buffer.subarray(0, count) : Buffer.alloc(left))
      left -= count || left
    }
    if (size % block) put(Buffer.alloc(block - (size % block)))
  } finally {
    closeSync(descriptor)
  }
}

interface Entry {
  name: string
  mode: number
  uid: number
  gid: number
  size: number
  mtime: number
  type: string
  link?: string
}

function header(entry: Entry): Buffer {
  const parts: Buffer[] = []
  // GNU's way for what does not fit: an entry of its own before it.
  for (const [type, text] of [
    [longName, entry.name],
    [longLink, entry.link ?? ''],
  ] as const) {
    const bytes = Buffer.from(`${text}\0`)
    if (bytes.length <= 101) continue
    const padded = Buffer.alloc(Math.ceil(bytes.length / block) * block)
    bytes.copy(padded)
    parts.push(plainHeader({ ...entry, name: '././@LongLink', link: '', size: bytes.length, type }), padded)
  }
  parts.push(plainHeader(entry))
  return Buffer.concat(parts)
}

function plainHeader({ name, mode, uid, gid, size, mtime, type, link = '' }: Entry): Buffer {
  const bytes = Buffer.alloc(block)
  const text = (value: string, at: number, length: number) => Buffer.from(value).copy(bytes, at, 0, length)
  const octal = (value: number, at: number, length: number) =>
    text(
      `${Math.max(0, value)
        .toString(8)
        .padStart(length - 1, '0')}\0`,
      at,
      length,
    )
  text(name, 0, 100)
  octal(mode, 100, 8)
  octal(uid % 0o10000000, 108, 8)
  octal(gid % 0o10000000, 116, 8)
  octal(size, 124, 12)
  octal(mtime, 136, 12)
  text(' '.repeat(8), 148, 8)
  text(type, 156, 1)
  text(link, 157, 100)
  text('ustar\x0000', 257, 8)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  text(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8)
  return bytes
}

/** Reads exactly so many bytes; fewer at the end. */
type Input = (length: number) => Buffer

const fromBuffer = (bytes: Buffer): Input => {
  let at = 0
  return (length) => bytes.subarray(at, (at += length))
}

const fromDescriptor =
  (descriptor: number): Input =>
  (length) => {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const count = read(descriptor, buffer.subarray(filled))
      if (count === 0) break
      filled += count
    }
    return buffer.subarray(0, filled)
  }

interface Extraction {
  listed: boolean
  verbose: boolean
  keepTime: boolean
  toOutput: boolean
}

function extract(input: Input, wanted: readonly string[], options: Extraction): number {
  let status = 0
  let overrides: Partial<Entry> = {}
  const directoryTimes: [string, number][] = []
  for (;;) {
    const bytes = input(block)
    if (bytes.length < block || bytes.every((byte) => byte === 0)) break
    const entry = { ...parseHeader(bytes), ...overrides }
    const body = blocks(input, entry.size)
    if (entry.type === longName || entry.type === longLink || entry.type === paxHeader || entry.type === 'g') {
      const text = Buffer.concat([...body]).toString()
      if (entry.type === longName) overrides.name = text.replace(/\0.*$/s, '')
      else if (entry.type === longLink) overrides.link = text.replace(/\0.*$/s, '')
      else if (entry.type === paxHeader) overrides = { ...overrides, ...parsePax(text) }
      continue
    }
    overrides = {}
    const isWanted =
      !wanted.length ||
      wanted.some(
        (name) =>
          entry.name === name || entry.name.startsWith(`${name.replace(/\/$/, '')}/`) || entry.name === `${name}/`,
      )
    try {
      if (isWanted && options.listed)
        out(
          options.verbose
            ? `${modeOf(entry)} ${entry.uid}/${entry.gid} ${String(entry.size).padStart(9)} ${new Date(entry.mtime * 1000).toISOString().slice(0, 16).replace('T', ' ')} ${entry.name}\n`
            : `${entry.name}\n`,
        )
      else if (isWanted) {
        if (options.verbose) complain(entry.name)
        if (options.toOutput) for (const chunk of body) out(chunk)
        else place(entry, body, options.keepTime, directoryTimes)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      complain(`tar: ${entry.name}: ${reason(error)}`)
      status = 1
    }
    // What was not used has to be read past.
    for (const _ of body);
  }
  for (const [name, time] of directoryTimes) utimesSync(name, time, time)
  // A writer must not find its pipe closed while it sends the padding at the end.
  for (const _ of trailing(input));
  return status
}

function* trailing(input: Input): Generator<Buffer> {
  for (let rest = input(block); rest.length; rest = input(block)) yield rest
}

const modeOf = ({ mode, type }: Entry): string =>
  modeText({
    mode,
    isDirectory: () => type === '5',
    isSymbolicLink: () => type === '2',
    isSocket: () => false,
    isFIFO: () => false,
    isCharacterDevice: () => false,
    isBlockDevice: () => false,
  } as Parameters<typeof modeText>[0])

function place(entry: Entry, body: Iterable<Buffer>, keepTime: boolean, directoryTimes: [string, number][]): void {
  const name = safeName(entry.name)
  if (entry.type === '5') {
    mkdirSync(name, { recursive: true })
    chmodSync(name, entry.mode)
    if (keepTime) directoryTimes.push([name, entry.mtime])
    return
  }
  mkdirSync(path.dirname(name), { recursive: true })
  if (lstatSync(name, { throwIfNoEntry: false })?.isDirectory() === false) rmSync(name)
  if (entry.type === '2') {
    symlinkSync(entry.link ?? '', name)
    if (keepTime) lutimesSync(name, entry.mtime, entry.mtime)
    return
  }
  if (entry.type === '1') {
    linkSync(safeName(entry.link ?? ''), name)
    return
  }
  const descriptor = openSync(name, 'w', entry.mode)
  try {
    for (const chunk of body) for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at)
  } finally {
    closeSync(descriptor)
  }
  chmodSync(name, entry.mode)
  if (keepTime) utimesSync(name, entry.mtime, entry.mtime)
}

/** An archive must not write outside the directory that it is unpacked in. */
function safeName(name: string): string {
  const kept = name.replace(/^\/+/, '')
  if (kept.split('/').includes('..')) throw Object.assign(new Error(`refused: '..' in name`), { code: 'EINVAL' })
  return kept || '.'
}

/** An entry's content, then past its padding. */
function* blocks(input: Input, size: number): Generator<Buffer> {
  for (let left = size; left > 0;) {
    const chunk = input(Math.min(left, 128 * block))
    if (!chunk.length) throw new Error('unexpected end of archive')
    left -= chunk.length
    yield chunk
  }
  if (size % block) input(block - (size % block))
}

function parseHeader(bytes: Buffer): Entry {
  const text = (at: number, length: number) => bytes.toString('utf8', at, at + length).replace(/\0.*$/s, '')
  const octal = (at: number, length: number) => {
    // GNU writes what does not fit in base 256, marked by the first bit.
    if (bytes[at]! & 0x80) return Number(BigInt(`0x${bytes.toString('hex', at + 1, at + length)}`))
    return Number.parseInt(text(at, length).trim() || '0', 8)
  }
  const prefix = text(257, 5) === 'ustar' && text(257, 8) !== 'ustar  ' ? text(345, 155) : ''
  const name = text(0, 100)
  const type = String.fromCharCode(bytes[156]!)
  return {
    name: prefix ? `${prefix}/${name}` : name,
    mode: octal(100, 8) & 0o7777,
    uid: octal(108, 8),
    gid: octal(116, 8),
    size: type === '5' || type === '2' || type === '1' ? 0 : octal(124, 12),
    mtime: octal(136, 12),
    type: type === '\0' || type === '7' ? '0' : type,
    link: text(157, 100),
  }
}

/** `<length> <key>=<value>\n`, the length in bytes and of the whole record. */
function parsePax(text: string): Partial<Entry> {
  const bytes = Buffer.from(text)
  const found: Partial<Entry> = {}
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.toString('utf8', at, at + 20), 10)
    if (!(length > 0)) break
    const record = bytes.toString('utf8', at, at + length - 1)
    const [, key, value = ''] = /^\d+ ([^=]+)=([\s\S]*)$/.exec(record) ?? []
    if (key === 'path') found.name = value
    else if (key === 'linkpath') found.link = value
    else if (key === 'size') found.size = Number(value)
    else if (key === 'mtime') found.mtime = Math.floor(Number(value))
    at += length
  }
  return found
}
