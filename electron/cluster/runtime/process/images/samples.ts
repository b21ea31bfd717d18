import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { ImageStatus } from '../../api.ts'
import type { Runnable } from './runnable.ts'

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
export interface SampleImage extends Runnable {
  kind: 'sample'
  tag: string
  user?: number
  /** Path in the container to file on this machine. */
  files: ReadonlyMap<string, string>
  bin: readonly string[]
  sizeBytes: number
}

/** Where the tools of /bin live in every image; `/bin/<tool>` starts it with Node. */
export const boxPath = '/usr/lib/wheelhouse/box.mjs'

export class SampleImages {
  readonly #images = new Map<string, SampleImage>()
  readonly #byId = new Map<string, SampleImage>()

  constructor(directory: string) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const folder = path.join(directory, name)
      const file = path.join(folder, 'image.json')
      if (!existsSync(file)) continue
      const image = JSON.parse(readFileSync(file, 'utf8')) as ImageFile
      for (const tag of Object.keys(image.tags)) this.#add(imageOf(folder, image, tag))
    }
  }

  find(reference: string): SampleImage | undefined {
    return this.#byId.get(reference) ?? this.#images.get(normalize(reference))
  }

  /** Tags of all of them, as people write them. */
  get tags(): string[] {
    return [...this.#images.values()].map(({ tag }) => tag)
  }

  list(): SampleImage[] {
    return [...this.#byId.values()]
  }

  #add(image: SampleImage): void {
    this.#images.set(normalize(image.tag), image)
    this.#byId.set(image.id, image)
  }
}

function imageOf(folder: string, image: ImageFile, tag: string): SampleImage {
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
    kind: 'sample',
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

export const sampleStatus = (image: SampleImage): ImageStatus => ({
  id: image.id,
  tags: [image.tag],
  sizeBytes: image.sizeBytes,
  pinned: true,
  ...(image.user === undefined ? {} : { user: image.user }),
})

/** `docker.io/wheelhouse/hello`, `wheelhouse/hello` and `wheelhouse/hello:latest` name the same image. */
function normalize(reference: string): string {
  const name = reference.replace(/^(index\.)?docker\.io\//, '')
  return /:[^/]*$/.test(name) ? name : `${name}:latest`
}
