import { statfs } from 'node:fs/promises'
import { parseImageName } from '#shared/kube/image-name.ts'
import type { DirectorySize } from '../../../base/directory-size.ts'
import { ImagePullError, type ImageService } from '../../api.ts'
import type { Runnable } from './runnable.ts'
import { sampleStatus, type SampleImage, type SampleImages } from './samples.ts'
import type { ImageStore, StoredImage } from './store.ts'

/** An image from a registry. */
export interface PulledImage extends Runnable {
  kind: 'pulled'
  stored: StoredImage
}

/** A sample image with a tag that it does not have is not asked for at Docker Hub, where the name is somebody else's. */
const isOurs = (reference: string): boolean => {
  const name = parseImageName(reference)
  return name?.registry === 'docker.io' && name.repository.startsWith('wheelhouse/')
}

export type Image = SampleImage | PulledImage

/** Images as the kubelet sees them: those of ours, which are always there, and those of the store. */
export class Images implements ImageService {
  readonly #samples: SampleImages
  readonly #store: ImageStore | undefined
  readonly #why: string

  /** `why`: the sentence that says what other images would need, where there is no store. */
  constructor(samples: SampleImages, store: ImageStore | { why: string }) {
    this.#samples = samples
    this.#store = 'why' in store ? undefined : store
    this.#why = 'why' in store ? store.why : ''
  }

  find(reference: string): Image | undefined {
    const sample = this.#samples.find(reference)
    if (sample) return sample
    const stored = this.#store?.find(reference)
    return stored && { kind: 'pulled', id: stored.id, ...stored.config, stored }
  }

  async status(reference: string) {
    const found = this.find(reference)
    return found && this.#statusOf(found)
  }

  async pull(...[reference, login, signal, onProgress]: Parameters<ImageService['pull']>) {
    const sample = this.#samples.find(reference)
    if (sample) return sampleStatus(sample)
    const own = isOurs(reference)
    if (this.#store && !own) return this.#store.status(await this.#store.pull(reference, { login, signal, onProgress }))
    const known = `image "${reference}" is not among the built-in sample images (${this.#samples.tags.join(', ')})`
    throw new ImagePullError(own ? known : `${known}; ${this.#why}`)
  }

  list() {
    return Promise.resolve([...this.#samples.list().map(sampleStatus), ...(this.#store?.list() ?? [])])
  }

  /** Those of ours stay. */
  async remove(reference: string) {
    if (!this.#samples.find(reference)) await this.#store?.remove(reference)
  }

  async disk() {
    if (!this.#store) return undefined
    const { blocks, bavail, bsize } = await statfs(this.#store.snapshots.directory)
    return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize }
  }

  /** How much of a container's root is the image's and not written by the container. */
  async copied(id: string): Promise<DirectorySize> {
    const stored = this.#store?.find(id)
    return stored ? this.#store!.snapshots.copied(stored.chain) : { bytes: 0, files: 0 }
  }

  #statusOf(image: Image) {
    return image.kind === 'sample' ? sampleStatus(image) : this.#store!.status(image.stored)
  }
}
