import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { ImageStatus, Runtime } from '../../runtime/api.ts'

export interface ImageGarbagePolicy {
  /** Shares of the disk in percent: from the first on, images go until no more than the second is used. */
  highThreshold: number
  lowThreshold: number
  /** Younger images stay, in milliseconds. */
  minAge: number
  /** Images that nobody has used for so long go however empty the disk is; 0: none do. */
  maxAge: number
}

/** Those of the kubelet. */
export const defaultPolicy: ImageGarbagePolicy = { highThreshold: 85, lowThreshold: 80, minAge: 120_000, maxAge: 0 }

export interface ImageGarbageDeps {
  runtime: Pick<Runtime, 'images' | 'containers'>
  clock: Clock
  logger: Logger
  /** An event about the node. */
  warn(reason: string, message: string): void
  /** Hears which images there are, by id. */
  onImages?(ids: ReadonlySet<string>): void
  policy?: ImageGarbagePolicy
}

interface Known {
  firstSeen: number
  /** 0: never, as far as this agent knows. */
  lastUsed: number
  image: ImageStatus
}

const periodMs = 300_000

/**
 * Removes images that no container uses: the longest unused first, when the disk is filling up, and those past their age.
 * Source: kubelet's image_gc_manager.go.
 */
export class ImageGarbage implements AsyncDisposable {
  readonly #deps: ImageGarbageDeps
  readonly #policy: ImageGarbagePolicy
  readonly #known = new Map<string, Known>()
  readonly #stop = new AbortController()
  readonly #began: number
  readonly #running: Promise<void>

  constructor(deps: ImageGarbageDeps) {
    this.#deps = deps
    this.#policy = deps.policy ?? defaultPolicy
    this.#began = deps.clock.monotonic()
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('image garbage collection has been stopped'))
    await this.#running
  }

  /** One round. Rejects when too little could be removed. */
  async collect(): Promise<void> {
    const { runtime, clock } = this.#deps
    const { highThreshold, lowThreshold } = this.#policy
    const unused = await this.#removeOld(await this.#unused())
    const disk = await runtime.images.disk?.()
    if (!disk) return
    const { capacityBytes, availableBytes } = disk
    if (!capacityBytes) return this.#fail('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem')
    const used = 100 - Math.floor((Math.min(availableBytes, capacityBytes) * 100) / capacityBytes)
    if (used < highThreshold) return
    const wanted = Math.floor((capacityBytes * (100 - lowThreshold)) / 100) - availableBytes
    let freed = 0
    for (const { image } of unused.filter(({ firstSeen }) => clock.monotonic() - firstSeen >= this.#policy.minAge)) {
      if (freed >= wanted) break
      if (await this.#remove(image)) freed += image.sizeBytes
    }
    if (freed >= wanted) return
    this.#fail(
      'FreeDiskSpaceFailed',
      `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`,
    )
  }

  /** Takes note of what there is and who uses it; answers what nobody does, the longest unused first. */
  async #unused(): Promise<Known[]> {
    const { runtime, clock } = this.#deps
    const now = clock.monotonic()
    const images = await runtime.images.list()
    const used = new Set((await runtime.containers()).map(({ imageId }) => imageId))
    this.#deps.onImages?.(new Set(images.map(({ id }) => id)))
    for (const id of this.#known.keys()) if (!images.some((image) => image.id === id)) this.#known.delete(id)
    for (const image of images) {
      const { firstSeen = now, lastUsed = 0 } = this.#known.get(image.id) ?? {}
      this.#known.set(image.id, { image, firstSeen, lastUsed: used.has(image.id) ? now : lastUsed })
    }
    return [...this.#known.values()]
      .filter(({ image }) => !used.has(image.id) && !image.pinned)
      .sort((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen)
  }

  /** Not before this agent has watched for that long, or it would not know. */
  async #removeOld(unused: readonly Known[]): Promise<Known[]> {
    const { maxAge } = this.#policy
    const now = this.#deps.clock.monotonic()
    if (!maxAge || now - this.#began <= maxAge) return [...unused]
    const kept: Known[] = []
    for (const known of unused)
      if (now - known.lastUsed <= maxAge || !(await this.#remove(known.image))) kept.push(known)
    return kept
  }

  async #remove(image: ImageStatus): Promise<boolean> {
    const { runtime, logger } = this.#deps
    try {
      await runtime.images.remove(image.id)
    } catch (error) {
      logger.warn('an image cannot be removed', { image: image.tags[0] ?? image.id, error: (error as Error).message })
      return false
    }
    logger.info('an unused image has been removed', { image: image.tags[0] ?? image.id })
    this.#known.delete(image.id)
    return true
  }

  #fail(reason: string, message: string): never {
    this.#deps.warn(reason, message)
    throw new Error(message)
  }

  /** The first failure of a row is told of in an event as the kubelet's own, as it tells of those after the first. */
  async #run(): Promise<void> {
    const { clock, warn } = this.#deps
    const { signal } = this.#stop
    for (let failed = false; !signal.aborted;) {
      await clock.sleep(periodMs, signal).catch(() => {})
      if (signal.aborted) return
      await this.collect().then(
        () => (failed = false),
        (error: Error) => {
          // A single failure may be that of a disk whose figures are not there yet.
          if (failed) warn('ImageGCFailed', error.message)
          failed = true
        },
      )
    }
  }
}
