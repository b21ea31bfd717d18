import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ImagePullError, type ImageService, type ImageStatus } from '../api.ts'

/** `image.json` of a folder under resources/images. */
interface ImageFile {
  repository: string
  /** What each tag adds to the common part. */
  tags: Readonly<Record<string, { env?: Readonly<Record<string, string>> }>>
  entrypoint: readonly string[]
  cmd?: readonly string[]
  env?: Readonly<Record<string, string>>
  workingDir?: string
  user?: number
  stopSignal?: string
  /** Path in the container to path in this folder. */
  files: Readonly<Record<string, string>>
  /** Names of the small tools in /bin. */
  bin: readonly string[]
}

/** A sample image: programs of ours on Node, described by a folder. */
export interface Image {
  id: string
  tag: string
  entrypoint: readonly string[]
  cmd: readonly string[]
  env: Readonly<Record<string, string>>
  workingDir: string
  user?: number
  stopSignal: string
  /** Path in the container to file on this machine. */
  files: ReadonlyMap<string, string>
  bin: readonly string[]
  sizeBytes: number
}

/** Where the tools of /bin live in every image; `/bin/<tool>` starts it with Node. */
export const boxPath = '/usr/lib/wheelhouse/box.mjs'

export class ImageCatalog implements ImageService {
  readonly #images = new Map<string, Image>()
  readonly #byId = new Map<string, Image>()

  constructor(directory: string) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const folder = path.join(directory, name)
      const file = path.join(folder, 'image.json')
      if (!existsSync(file)) continue
      const image = JSON.parse(readFileSync(file, 'utf8')) as ImageFile
      for (const tag of Object.keys(image.tags)) this.#add(imageOf(folder, image, tag))
    }
  }

  find(reference: string): Image | undefined {
    return this.#byId.get(reference) ?? this.#images.get(normalize(reference))
  }

  status(reference: string): Promise<ImageStatus | undefined> {
    const image = this.find(reference)
    return Promise.resolve(image && statusOf(image))
  }

  async pull(reference: string): Promise<ImageStatus> {
    const image = this.find(reference)
    if (image) return statusOf(image)
    const known = [...this.#images.values()].map(({ tag }) => tag).join(', ')
    throw new ImagePullError(
      `image "${reference}" is not among the built-in sample images (${known}) of the process runtime; ` +
        'the runtime engine (any Docker-compatible engine) can run it, and on Linux the runtimes engine and cri can run it',
    )
  }

  list(): Promise<ImageStatus[]> {
    return Promise.resolve([...this.#byId.values()].map(statusOf))
  }

  /** Built-in images stay. */
  remove(): Promise<void> {
    return Promise.resolve()
  }

  #add(image: Image): void {
    this.#images.set(normalize(image.tag), image)
    this.#byId.set(image.id, image)
  }
}

function imageOf(folder: string, image: ImageFile, tag: string): Image {
  const digest = createHash('sha256').update(JSON.stringify([image, tag]))
  const files = new Map<string, string>()
  let sizeBytes = 0
  for (const [target, source] of Object.entries(image.files)) {
    const file = path.join(folder, source)
    const content = readFileSync(file)
    digest.update(content)
    sizeBytes += content.length
    files.set(target, file)
  }
  return {
    id: `sha256:${digest.digest('hex')}`,
    tag: `${image.repository}:${tag}`,
    entrypoint: image.entrypoint,
    cmd: image.cmd ?? [],
    env: { ...image.env, ...image.tags[tag]?.env },
    workingDir: image.workingDir ?? '/',
    ...(image.user === undefined ? {} : { user: image.user }),
    stopSignal: image.stopSignal ?? 'SIGTERM',
    files,
    bin: image.bin,
    sizeBytes,
  }
}

const statusOf = (image: Image): ImageStatus => ({
  id: image.id,
  tags: [image.tag],
  sizeBytes: image.sizeBytes,
  ...(image.user === undefined ? {} : { user: image.user }),
})

/** `docker.io/wheelhouse/hello`, `wheelhouse/hello` and `wheelhouse/hello:latest` name the same image. */
function normalize(reference: string): string {
  const name = reference.replace(/^(index\.)?docker\.io\//, '')
  return /:[^/]*$/.test(name) ? name : `${name}:latest`
}
