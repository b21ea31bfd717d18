import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { parseImageName, writtenOut, type ImageName } from '#shared/kube/image-name.ts'
import type { Clock } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import { ImagePullError, type ImageStatus, type PullProgress } from '../../api.ts'
import { readRecord, writeRecord } from '../shim/records.ts'
import { BlobStore } from './blobs.ts'
import { isDigest } from './digest.ts'
import type { ImageConfig } from './image-config.ts'
import { thisPlatform } from './manifest.ts'
import { download, resolve } from './pull.ts'
import type { Login } from './registry/tokens.ts'
import { Snapshots } from './snapshots.ts'
import { chooseStacking } from './stacking.ts'
import { numericUser } from './users.ts'

export interface ImageStoreDeps {
  clock: Clock
  logger: Logger
  directory: string
  nodeBinary: string
  unpackEntry: string
  /** Told instead of found out, for tests. */
  stacking?: Snapshots['stacking']
}

/** An image whose layers are all unpacked. */
export interface StoredImage {
  /** The digest of its configuration. */
  id: string
  /** Written out: `docker.io/library/busybox:latest`. */
  tags: string[]
  /** `docker.io/library/busybox@sha256:…`: what was asked for, an index where there is one. */
  digests: string[]
  /** Of what was pulled. */
  sizeBytes: number
  /** Chain ids, the lowest first. */
  chain: string[]
  config: ImageConfig
}

export interface StorePullOptions {
  login?: Login | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: PullProgress) => void) | undefined
}

/** How long what a failed pull has brought waits for the next attempt. */
const patienceMs = 3600_000

/**
 * The images of this machine that came from registries, shared by its nodes. `index.json` says which there are: what it does
 * not name is not there, and is removed when the store is opened.
 */
export class ImageStore implements Disposable {
  readonly snapshots: Snapshots
  readonly #deps: ImageStoreDeps
  readonly #blobs: BlobStore
  readonly #images = new Map<string, StoredImage>()
  readonly #users = new Set<() => Iterable<string>>()
  /** Chain ids that a pull is about to use. */
  readonly #wanted = new Map<symbol, readonly string[]>()
  #cancelClearing = () => {}

  private constructor(deps: ImageStoreDeps, stacking: Snapshots['stacking']) {
    this.#deps = deps
    this.snapshots = new Snapshots({ ...deps, stacking })
    this.#blobs = new BlobStore(path.join(deps.directory, 'blobs'), deps.clock)
    for (const image of readRecord<StoredImage[]>(this.#indexFile) ?? []) {
      if (image.chain.every((id) => this.snapshots.has(id))) this.#images.set(image.id, image)
    }
  }

  /** One process at a time has a directory. */
  static async open(deps: ImageStoreDeps): Promise<ImageStore> {
    mkdirSync(deps.directory, { recursive: true, mode: 0o700 })
    const store = new ImageStore(deps, deps.stacking ?? (await chooseStacking(deps.directory)))
    await store.#removeUnused()
    return store
  }

  [Symbol.dispose](): void {
    this.#cancelClearing()
  }

  /** Images that one of these names by id are in use, and stay. */
  addUser(used: () => Iterable<string>): Disposable {
    this.#users.add(used)
    return { [Symbol.dispose]: () => void this.#users.delete(used) }
  }

  /** By id, by tag or by digest. */
  find(image: string): StoredImage | undefined {
    const known = this.#images.get(image)
    if (known || isDigest(image)) return known
    const name = parseImageName(image)
    if (!name) return undefined
    const wanted = writtenOut(name)
    return [...this.#images.values()].find(({ tags, digests }) => tags.includes(wanted) || digests.includes(wanted))
  }

  list(): ImageStatus[] {
    return [...this.#images.values()].map((image) => this.status(image))
  }

  status({ id, tags, digests, sizeBytes, config }: StoredImage): ImageStatus {
    return { id, tags, digests, sizeBytes, ...numericUser(config.user) }
  }

  /** Asks the registry, and fetches what is missing. Rejects with ImagePullError. */
  async pull(image: string, { login, signal, onProgress }: StorePullOptions = {}): Promise<StoredImage> {
    const name = parseImageName(image)
    if (!name) throw new ImagePullError(`couldn't parse image name ${JSON.stringify(image)}: invalid reference format`)
    const { clock } = this.#deps
    const reference = writtenOut(name)
    const release = this.#blobs.hold()
    const own = Symbol(reference)
    try {
      const found = await resolve(name, { clock, login, signal, platform: thisPlatform() })
      this.#wanted.set(own, found.chain)
      const fetched = await download(found, { blobs: this.#blobs, snapshots: this.snapshots, signal, onProgress })
      // The index may only name what is sure to be there after a crash of the machine.
      if (fetched.length) await this.snapshots.sync()
      const stored = this.#add(name, found)
      release()
      this.#afterwards(fetched.map(({ digest }) => digest))
      return stored
    } catch (error) {
      release()
      this.#wanted.delete(own)
      // What the network interrupted goes on at the next attempt; what is wrong would be wrong again.
      if (error instanceof ImagePullError && this.#blobs.clear()) await this.#removeUnused()
      else this.#clearLater()
      signal?.throwIfAborted()
      if (!(error instanceof ImagePullError))
        this.#deps.logger.warn('an image could not be pulled', { image, error: String((error as Error).stack) })
      throw new ImagePullError(
        `failed to pull and unpack image ${JSON.stringify(reference)}: ${(error as Error).message}`,
        {
          cause: error,
        },
      )
    } finally {
      this.#wanted.delete(own)
    }
  }

  /** Takes an image away with what no other one needs of it. Rejects while it is in use. */
  async remove(image: string): Promise<void> {
    const found = this.find(image)
    if (!found) return
    if (this.#used().has(found.id)) throw new Error(`image ${image} is in use by a container`)
    this.#images.delete(found.id)
    this.#save()
    await this.#removeUnused()
  }

  get #indexFile(): string {
    return path.join(this.#deps.directory, 'index.json')
  }

  #used(): Set<string> {
    return new Set([...this.#users].flatMap((used) => [...used()]))
  }

  #add(name: ImageName, { id, digest, sizeBytes, chain, config }: Awaited<ReturnType<typeof resolve>>): StoredImage {
    const byDigest = `${name.registry}/${name.repository}@${digest}`
    const tag = name.digest ? undefined : writtenOut(name)
    const before = this.#images.get(id)
    // A tag names one image: the last one that was pulled by it.
    for (const other of this.#images.values()) other.tags = other.tags.filter((one) => one !== tag)
    const stored: StoredImage = {
      id,
      tags: [...(before?.tags ?? []), ...(tag === undefined ? [] : [tag])],
      digests: [...new Set([...(before?.digests ?? []), byDigest])],
      sizeBytes,
      chain,
      config,
    }
    this.#images.set(id, stored)
    this.#save()
    return stored
  }

  #save(): void {
    writeRecord(this.#indexFile, [...this.#images.values()], true)
  }

  /** Blobs of layers that are unpacked are of no more use. */
  #afterwards(digests: readonly string[]): void {
    if (this.#blobs.idle) for (const digest of digests) this.#blobs.remove(digest)
    else this.#clearLater()
  }

  #clearLater(): void {
    this.#cancelClearing()
    this.#cancelClearing = this.#deps.clock.after(patienceMs, () => {
      if (!this.#blobs.clear()) return this.#clearLater()
      void this.#removeUnused()
    })
  }

  async #removeUnused(): Promise<void> {
    const needed = [...this.#images.values()].map(({ chain }) => chain)
    await this.snapshots.retain(new Set([...needed, ...this.#wanted.values()].flat()))
  }
}

/** How an image that is run under a name is reported: that name written out, and the digest that its registry has. */
export function namesOf(image: StoredImage, asked: string): { imageName?: string; imageRef?: string } {
  const name = parseImageName(asked)
  const prefix = name && `${name.registry}/${name.repository}@`
  const imageRef = image.digests.find((digest) => prefix && digest.startsWith(prefix)) ?? image.digests[0]
  return { ...(name ? { imageName: writtenOut(name) } : {}), ...(imageRef === undefined ? {} : { imageRef }) }
}
