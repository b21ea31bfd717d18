import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { directorySize, type DirectorySize } from '../../../base/directory-size.ts'
import { ImagePullError } from '../../api.ts'
import { run } from '../isolation/programs.ts'
import { readRecord, writeRecord } from '../shim/records.ts'
import type { Unpacked, UnpackOrder, UnpackResult } from './layers/unpack.ts'
import { SharedFlights } from './shared-flights.ts'
import { inNamespace, makeUpper, overlayLines, type Stacking } from './stacking.ts'

export interface SnapshotsDeps {
  directory: string
  stacking: Stacking
  nodeBinary: string
  /** The program of `layers/unpack.ts`. */
  unpackEntry: string
}

/** One layer to unpack, over those below it. */
export interface LayerToUnpack {
  /** Chain ids, the lowest first; the last is the layer's own. */
  chain: readonly string[]
  diffId: string
  blob: string
}

/** Of the disk, so much stays free, but never more than some. */
const keptShare = 0.05
const mostKeptBytes = 2 * 1024 ** 3
const nameLength = 24

/** A directory for the files of a chain: short, since the names of all layers have to fit into the options of one mount. */
const nameOf = (chainId: string): string => chainId.split(':')[1]!.slice(0, nameLength)

/**
 * Unpacked layers by chain id: `<directory>/<chain>/fs`. They are made beside it and moved there when they are whole, and
 * never written to again.
 */
export class Snapshots {
  readonly stacking: Stacking
  readonly directory: string
  readonly #drafts: string
  readonly #deps: SnapshotsDeps
  readonly #flights = new SharedFlights<void>()
  /** What the files of a chain take, where they are copied. */
  readonly #sizes = new Map<string, Promise<DirectorySize>>()
  #draft = 0

  constructor(deps: SnapshotsDeps) {
    this.#deps = deps
    this.stacking = deps.stacking
    // What one way of stacking has made, the other cannot use.
    this.directory = path.join(deps.directory, deps.stacking)
    this.#drafts = path.join(deps.directory, 'drafts')
    rmSync(this.#drafts, { recursive: true, force: true })
    for (const directory of [this.directory, this.#drafts]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  has(chainId: string): boolean {
    return existsSync(path.join(this.directory, nameOf(chainId)))
  }

  /** Relative to the directory, for `overlayLines`. */
  relative(chainId: string): string {
    return `${nameOf(chainId)}/fs`
  }

  /** Its files: of this layer alone where layers are overlaid, else of all. */
  files(chainId: string): string {
    return path.join(this.directory, this.relative(chainId))
  }

  /** How much of a container's own root the image takes: nothing where layers are overlaid. Measured once. */
  copied(chain: readonly string[]): Promise<DirectorySize> {
    const top = chain.at(-1)
    if (top === undefined || this.stacking === 'overlay') return Promise.resolve({ bytes: 0, files: 0 })
    const size = this.#sizes.get(top) ?? directorySize(this.files(top))
    this.#sizes.set(top, size)
    return size
  }

  /** The image's own lists of users and groups as they are at this height. */
  accounts(chainId: string): Unpacked {
    return readRecord(path.join(this.directory, nameOf(chainId), 'accounts.json')) ?? { passwd: '', group: '' }
  }

  /** Resolves when the layer is there. Rejects with ImagePullError when its content is not that of a layer; nothing of it is left then. */
  async unpack(layer: LayerToUnpack, signal?: AbortSignal): Promise<void> {
    const id = layer.chain.at(-1)!
    if (this.has(id)) return
    await this.#flights.join(id, signal, (stop) => this.#unpack(layer, id, stop))
  }

  /** What is unpacked is on the disk, whatever happens to the machine. */
  async sync(): Promise<void> {
    await run('sync', ['-f', this.directory]).catch(() => {})
  }

  /** Removes all but these: from now on they are not there, and when it resolves neither are their files. */
  async retain(chainIds: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...chainIds].map(nameOf))
    for (const id of this.#sizes.keys()) if (!chainIds.has(id)) this.#sizes.delete(id)
    const doomed = readdirSync(this.directory)
      .filter((name) => !kept.has(name))
      .map((name) => {
        const draft = path.join(this.#drafts, `${name}-${this.#draft++}`)
        renameSync(path.join(this.directory, name), draft)
        return draft
      })
    await Promise.all(doomed.map((draft) => rm(draft, { recursive: true, force: true })))
  }

  async #unpack({ chain, diffId, blob }: LayerToUnpack, id: string, signal: AbortSignal): Promise<void> {
    const draft = path.join(this.#drafts, `${nameOf(id)}-${this.#draft++}`)
    const below = chain.slice(0, -1)
    mkdirSync(draft)
    try {
      const { root, before } = await this.#prepare(draft, below)
      const order: UnpackOrder = { blob, root, diffId, owners: process.getuid?.() === 0, keepFreeBytes: this.#kept() }
      const { nodeBinary, unpackEntry } = this.#deps
      const program = [nodeBinary, unpackEntry, JSON.stringify(order)]
      const result = await runUnpack(before.length ? inNamespace(before, program) : program, signal)
      if ('error' in result) throw new ImagePullError(`failed to extract layer ${diffId}: ${result.error}`)
      writeRecord(path.join(draft, 'accounts.json'), result, false)
      for (const name of ['work', 'merged']) rmSync(path.join(draft, name), { recursive: true, force: true })
      renameSync(draft, path.join(this.directory, nameOf(id)))
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  }

  /** Where the layer is unpacked, and what is to be done before in a mount namespace. */
  async #prepare(draft: string, below: readonly string[]): Promise<{ root: string; before: string[] }> {
    const files = path.join(draft, 'fs')
    const top = below.at(-1)
    if (top === undefined) {
      mkdirSync(files, { mode: 0o755 })
      return { root: files, before: [] }
    }
    if (this.stacking === 'copy') {
      await run('cp', ['-al', this.files(top), files])
      return { root: files, before: [] }
    }
    makeUpper(files, this.files(top))
    const [work, merged] = [path.join(draft, 'work'), path.join(draft, 'merged')]
    for (const directory of [work, merged]) mkdirSync(directory)
    const layers = below.map((id) => this.relative(id))
    return {
      root: merged,
      before: overlayLines(this.directory, { layers, writable: { upper: files, work }, merged }),
    }
  }

  #kept(): number {
    const { blocks, bsize } = statfsSync(this.directory)
    return Math.min(mostKeptBytes, blocks * bsize * keptShare)
  }
}

function runUnpack([file, ...args]: readonly string[], signal: AbortSignal): Promise<UnpackResult> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' }
    execFile(
      file!,
      args,
      { env, signal, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (signal.aborted) return reject(signal.reason as Error)
        if (error)
          return reject(
            new Error(`a layer could not be unpacked: ${stderr.trim().split('\n').at(-1) || error.message}`),
          )
        resolve(JSON.parse(stdout) as UnpackResult)
      },
    )
  })
}
