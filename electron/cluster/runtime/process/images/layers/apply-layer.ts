import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { extract, type Entry, type Headers as PlainHeaders } from 'tar-stream'
import { openLayer } from './layer-stream.ts'
import { LayerError, Tree } from './tree.ts'

/** The extended header comes along, which the types do not say. */
type Headers = PlainHeaders & { pax?: Readonly<Record<string, string>> | null }

export interface LayerOptions {
  /** Whose files: as the archive says, or this process's. */
  owners: boolean
  /** Called with how many bytes are about to be written; throws when there is no room. */
  room?: (bytes: number) => void
}

const whiteout = '.wh.'
/** `.wh..wh..opq` hides all that is below; others of this beginning are notes that AUFS made for itself. */
const opaque = '.wh..wh..opq'
const auxiliary = '.wh..wh.'

const longestHeader = 16 * 1024 * 1024

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * Lays a layer over the files in `root`, and resolves with the digest of its archive. Rejects with LayerError for entries
 * that no image may have; then `root` is to be thrown away. Source: the layer format of the OCI image specification.
 */
export async function applyLayer(file: string, root: string, like: string, options: LayerOptions): Promise<string> {
  const archive = extract()
  // Names and the like are read into memory: bytes that become neither a file nor its beginning must have an end.
  let pending = 0
  const took = () => void (pending = 0)
  const applied = applyEntries(archive, new Tree(root), options, took)
  const digest = openLayer(file, archive, like, (bytes) => {
    pending += bytes
    if (pending > longestHeader) throw new LayerError(`a layer has a header of more than ${longestHeader} bytes`)
  })
  // The first to fail says why; the other one then fails for that.
  await Promise.all([applied.catch((error: Error) => archive.destroy(error)), digest.catch(() => {})])
  await applied
  return digest
}

async function applyEntries(
  archive: AsyncIterable<Entry>,
  tree: Tree,
  { owners, room = () => {} }: LayerOptions,
  took: () => void,
): Promise<void> {
  const made = new Set<string>()
  const times = new Map<string, Date>()
  for await (const entry of archive) {
    took()
    const { header } = entry
    const name = path.posix.basename(header.name)
    if (!name.startsWith(whiteout)) {
      const written = (bytes: number) => {
        took()
        room(bytes)
      }
      const place = await applyEntry(entry, tree, { owners, room: written })
      for (let kept = place; kept && kept.length > tree.root.length; kept = path.dirname(kept)) made.add(kept)
      if (place !== undefined && header.type === 'directory') times.set(place, timeOf(header))
    } else if (name === opaque) {
      tree.empty(path.dirname(tree.place(header.name)), made)
    } else if (!name.startsWith(auxiliary)) {
      const hidden = name.slice(whiteout.length)
      if (hidden === '' || hidden === '.' || hidden === '..') throw new LayerError(`a layer hides ${header.name}`)
      const place = path.join(path.dirname(tree.place(header.name)), hidden)
      // It speaks of the layers below, wherever in the archive it stands.
      if (!made.has(place)) tree.remove(place)
    }
    entry.resume()
  }
  // Last, since every file that came into a directory has changed it.
  for (const [place, time] of times)
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory()) utimesSync(place, time, time)
}

/** Where it is now; undefined for what containers are not given. */
async function applyEntry(
  entry: Entry,
  tree: Tree,
  { owners, room }: { owners: boolean; room: (bytes: number) => void },
): Promise<string | undefined> {
  const { header } = entry
  const { uid, gid } = ownerOf(header)
  const mode = (header.mode ?? 0o644) & 0o7777
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
    case null: {
      const place = ready(tree, header, false)
      const descriptor = openSync(place, newFile, 0o600)
      try {
        for await (const chunk of entry as AsyncIterable<Buffer>) {
          room(chunk.length)
          for (let done = 0; done < chunk.length;) done += writeSync(descriptor, chunk, done)
        }
        if (owners) fchownSync(descriptor, uid, gid)
        // After the owner, whose change takes setuid away.
        fchmodSync(descriptor, mode)
        futimesSync(descriptor, timeOf(header), timeOf(header))
      } finally {
        closeSync(descriptor)
      }
      return place
    }
    case 'directory': {
      const place = ready(tree, header, true)
      if (!lstatSync(place, { throwIfNoEntry: false })) mkdirSync(place)
      if (owners) lchownSync(place, uid, gid)
      chmodSync(place, mode)
      return place
    }
    case 'symlink': {
      const place = ready(tree, header, false)
      tree.linked()
      symlinkSync(header.linkname ?? '', place)
      if (owners) lchownSync(place, uid, gid)
      return place
    }
    case 'link': {
      const target = tree.place(header.linkname ?? '')
      const place = tree.make(header.name)
      if (target === place) return place
      if (!lstatSync(target, { throwIfNoEntry: false }))
        throw new LayerError(`a layer links ${header.name} to ${header.linkname}, which is not there`)
      tree.clear(place, false)
      linkSync(target, place)
      return place
    }
    case 'fifo': {
      const place = ready(tree, header, false)
      execFileSync('mkfifo', ['-m', '600', place])
      if (owners) lchownSync(place, uid, gid)
      chmodSync(place, mode)
      return place
    }
    case 'character-device':
    case 'block-device':
      return undefined
    default:
      throw new LayerError(`a layer holds ${header.name}, which is a ${header.type ?? 'thing of an unknown kind'}`)
  }
}

function ready(tree: Tree, header: Headers, forDirectory: boolean): string {
  const place = tree.make(header.name)
  if (place === tree.root && !forDirectory) throw new LayerError('a layer puts a file in the place of the image')
  tree.clear(place, forDirectory)
  return place
}

/** Numbers that do not fit into the classic header are in the extended one. */
function ownerOf(header: Headers): { uid: number; gid: number } {
  const pax = header.pax ?? {}
  const number = (extended: string | undefined, plain: number | undefined) => {
    const id = extended === undefined ? (plain ?? 0) : Number(extended)
    if (Number.isInteger(id) && id >= 0 && id < 0xffff_ffff) return id
    throw new LayerError(`${header.name} in a layer has no possible owner`)
  }
  return { uid: number(pax['uid'], header.uid), gid: number(pax['gid'], header.gid) }
}

const timeOf = ({ mtime }: Headers): Date => (mtime && Number.isFinite(mtime.getTime()) ? mtime : new Date(0))
