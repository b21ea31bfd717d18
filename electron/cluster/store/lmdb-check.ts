import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/*
 * LMDB maps its file and trusts it: reading a damaged or cut-off file kills the process instead of raising an error. So the
 * skeleton of the file (meta, branch and leaf pages) is checked here before LMDB sees it. Values are not read: their
 * checksums are verified when they are loaded. Layout: mdb.c of lmdb 3.5 (data version 2), structures MDB_page, MDB_node,
 * MDB_db, MDB_meta; everything little-endian.
 */
const pageHeaderSize = 24
const nodeHeaderSize = 8
const databaseSize = 48
const branchPage = 0x01
const leafPage = 0x02
const overflowPage = 0x04
const metaPage = 0x08
const bigData = 0x01
const subDatabase = 0x02
const wordSize = 8
const noPage = 0xffff_ffff_ffff_ffffn
const magic = 0xbeef_c0de
const knownVersion = 2
/** Flag of the tree of free pages, the first of a header; the second, of names, has none. */
const integerKeys = 0x08
/** Pages that were taken and given back in one commit may lie behind the file's end. */
const mostUnwritten = 65_536
/** What the tree of names holds since the first commit: the tree of entries (its name ends in a zero), and their revision. */
const entriesName = 'data\0'
const stateName = 'state'
/** No tree of ours is deeper; a deeper one is a loop. */
const deepest = 32

class Damage extends Error {}

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: bigint
  /** Of free pages and of names. */
  readonly roots: readonly [Root, Root]
}

interface Root {
  readonly page: bigint
  readonly depth: number
}

/** One clause that says what is wrong with the file; undefined when its structure is sound. */
export function findDamage(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    new Walker(file, newestMeta(file)).check()
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    closeSync(file)
  }
}

/** The two headers are written in turn, each commit into the one that the commit before it has not written. */
function newestMeta(file: number): Meta {
  const first = readMeta(file, 0)
  const { pageSize } = first
  if (pageSize < 512 || pageSize > 65536 || pageSize & (pageSize - 1)) throw new Damage('its page size makes no sense')
  const second = readMeta(file, pageSize)
  const [newest, oldest] = second.transaction > first.transaction ? [second, first] : [first, second]
  // LMDB would take the older one, and what was committed last would be gone.
  if (second.pageSize !== pageSize || newest.transaction - oldest.transaction !== 1n)
    throw new Damage('its two headers disagree')
  return newest
}

function readMeta(file: number, offset: number): Meta {
  const bytes = Buffer.alloc(pageHeaderSize + 136)
  if (readSync(file, bytes, 0, bytes.length, offset) < bytes.length) throw new Damage('it ends within its header')
  const meta = bytes.subarray(pageHeaderSize)
  if (!(bytes.readUInt16LE(18) & metaPage) || meta.readUInt32LE(0) !== magic)
    throw new Damage('its header is not a header')
  // LMDB itself may crash on another one.
  if (meta.readUInt32LE(4) !== knownVersion) throw new Damage('it is of a version of LMDB that is not known here')
  if (meta.readBigUInt64LE(8) !== 0n || meta.readUInt16LE(28) !== integerKeys || meta.readUInt16LE(76) !== 0)
    throw new Damage('its header is garbled')
  return {
    pageSize: meta.readUInt32LE(24),
    lastPage: Number(meta.readBigUInt64LE(120)),
    transaction: meta.readBigUInt64LE(128),
    roots: [readRoot(meta, 24), readRoot(meta, 24 + databaseSize)],
  }
}

const readRoot = (bytes: Buffer, at: number): Root => ({
  depth: bytes.readUInt16LE(at + 6),
  page: bytes.readBigUInt64LE(at + 40),
})

class Walker {
  readonly #file: number
  readonly #meta: Meta
  readonly #size: number
  /** One buffer per level, because a page is still being read while those below it are. */
  readonly #buffers: Buffer[] = []
  #visited = 0
  /** Pages that hold something, by their numbers. */
  readonly #used = new Set<number>()
  /** Pages that the file calls free: the next commit would write there. */
  readonly #free: number[] = []

  constructor(file: number, meta: Meta) {
    this.#file = file
    this.#meta = meta
    this.#size = fstatSync(file).size
  }

  check(): void {
    const { lastPage, pageSize, transaction, roots } = this.#meta
    if (lastPage > this.#size / pageSize + mostUnwritten) throw new Damage('its pages point to nowhere')
    this.#tree(roots[0], 0, true)
    this.#tree(roots[1], 0)
    if (this.#free.some((page) => page > lastPage || this.#used.has(page)))
      throw new Damage('it calls pages free that are not')
    const names = roots[1].page === noPage ? [] : this.#names(roots[1])
    const wanted = transaction > 1n ? [entriesName, stateName] : names
    if (names.join() !== wanted.join()) throw new Damage('what should be in it is missing')
  }

  /** Keys of the tree of names, whose only page every commit writes anew. */
  #names({ page: number }: Root): string[] {
    const page = Buffer.alloc(this.#meta.pageSize)
    readSync(this.#file, page, 0, page.length, Number(number) * page.length)
    if (page.readBigUInt64LE(8) !== this.#meta.transaction) throw new Damage('its header and its pages disagree')
    const names: string[] = []
    for (let at = pageHeaderSize; at < pageHeaderSize + page.readUInt16LE(20); at += 2) {
      const node = page.readUInt16LE(at) + pageHeaderSize
      const start = node + nodeHeaderSize
      names.push(page.toString('latin1', start, start + page.readUInt16LE(node + 6)))
    }
    return names
  }

  #tree({ page, depth }: Root, level: number, ofFree = false): void {
    if (page === noPage) return
    if (depth < 1 || level + depth > deepest) throw new Damage('a tree in it has no sensible depth')
    this.#page(Number(page), depth, level, ofFree)
  }

  #page(number: number, depth: number, level: number, ofFree: boolean): void {
    const { lastPage, pageSize } = this.#meta
    if (number > lastPage || ++this.#visited > lastPage) throw new Damage('its pages point to nowhere')
    this.#used.add(number)
    const page = (this.#buffers[level] ??= Buffer.alloc(pageSize))
    if (readSync(this.#file, page, 0, pageSize, number * pageSize) < pageSize) throw new Damage('it has been cut off')
    const kind = page.readUInt16LE(18) & (branchPage | leafPage | overflowPage | metaPage)
    const lower = page.readUInt16LE(20)
    const upper = page.readUInt16LE(22)
    if (Number(page.readBigUInt64LE(0)) !== number || kind !== (depth > 1 ? branchPage : leafPage)) {
      throw new Damage(`page ${number} is not what it should be`)
    }
    if (lower < 2 || lower > upper || upper > pageSize - pageHeaderSize) throw new Damage(`page ${number} is garbled`)
    for (let at = pageHeaderSize; at < pageHeaderSize + lower; at += 2) {
      const node = page.readUInt16LE(at) + pageHeaderSize
      if (node < upper + pageHeaderSize || node + nodeHeaderSize > pageSize)
        throw new Damage(`page ${number} is garbled`)
      if (depth > 1) this.#page(childOf(page, node), depth - 1, level + 1, ofFree)
      else this.#leaf(page, node, number, level, ofFree)
    }
  }

  #leaf(page: Buffer, node: number, number: number, level: number, ofFree: boolean): void {
    const { pageSize } = this.#meta
    const size = page.readUInt32LE(node)
    const flags = page.readUInt16LE(node + 4)
    const keySize = page.readUInt16LE(node + 6)
    const data = node + nodeHeaderSize + keySize
    const inPage = flags & bigData ? pageHeaderSize : size
    const shape = flags & subDatabase ? size === databaseSize : true
    const isKey = ofFree ? keySize === wordSize && size >= wordSize : keySize > 0
    if (flags & ~(bigData | subDatabase) || !shape || !isKey || data + inPage > pageSize)
      throw new Damage(`page ${number} is garbled`)
    if (flags & subDatabase) this.#tree(readRoot(page, data), level + 1)
    else if (flags & bigData) {
      const start = Number(page.readBigUInt64LE(data)) * pageSize
      if (start + pageHeaderSize + size > this.#size) throw new Damage('it has been cut off')
      const pages = Math.ceil((pageHeaderSize + size) / pageSize)
      for (let i = 0; i < pages; i++) this.#used.add(start / pageSize + i)
    } else if (ofFree) this.#freePages(page.subarray(data, data + size), number)
  }

  /** A count and at least so many numbers; negative ones are no pages. */
  #freePages(list: Buffer, number: number): void {
    const count = Number(list.readBigInt64LE(0))
    if (count < 0 || (count + 1) * wordSize > list.length) throw new Damage(`page ${number} is garbled`)
    for (let at = wordSize; at <= count * wordSize; at += wordSize) {
      const page = Number(list.readBigInt64LE(at))
      if (page > 0) this.#free.push(page)
    }
  }
}

/** A branch node keeps a 48-bit page number where a leaf node has size and flags. */
const childOf = (page: Buffer, node: number): number =>
  page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 0x1_0000_0000
