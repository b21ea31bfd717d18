import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import path from 'node:path'
import type { ImageInfo, ImageInspectInfo } from 'dockerode'
import { parseImageName, withDefaultTag } from '#shared/kube/image-name.ts'
import { ImagePullError, type ImageService, type ImageStatus, type PullProgress } from '../api.ts'
import { unlessGone, wordsOf, type EngineConnection } from './connection.ts'
import { isPauseImage } from './pause-image.ts'

export interface ImagesDeps {
  connection: EngineConnection
  /** Keeps which images are ours to remove. */
  directory: string
  /** Where the engine has its images, when that is on this machine. */
  imagesDirectory: string | undefined
}

/**
 * The engine's images, which it shares with everybody who uses it: those that were there before a pod asked for them are
 * pinned, so that they are never collected as garbage.
 */
export function imageService({ connection, directory, imagesDirectory }: ImagesDeps): ImageService {
  const { engine, streams } = connection
  const ours = new OwnImages(path.join(directory, 'images.json'))
  const inspect = (name: string) => unlessGone(engine.getImage(name).inspect())
  const status = async (name: string): Promise<ImageStatus | undefined> => {
    const found = await inspect(name)
    return found && { ...statusOf(found), ...userOf(found), ...(ours.has(found.Id) ? {} : { pinned: true }) }
  }
  return {
    status,
    async pull(name, auth, signal, onProgress) {
      const before = new Set((await engine.listImages()).map(({ Id }) => Id))
      try {
        // Without a tag an engine pulls all that there are.
        const stream = await streams.pull(withDefaultTag(name) ?? name, {
          ...(auth ? { authconfig: { ...auth, serveraddress: '' } } : {}),
          ...(signal ? { abortSignal: signal } : {}),
        })
        await pulled(stream as AsyncIterable<Buffer>, onProgress)
      } catch (error) {
        signal?.throwIfAborted()
        throw new ImagePullError(`failed to pull image "${name}": ${wordsOf(error)}`, { cause: error })
      }
      const found = await inspect(name)
      if (!found) throw new ImagePullError(`image "${name}" was pulled, and removed at once`)
      if (!before.has(found.Id)) ours.add(found.Id)
      return { ...statusOf(found), ...userOf(found) }
    },
    list: async () =>
      (await engine.listImages()).map((image) => ({
        ...statusOf(image),
        ...(ours.has(image.Id) && !image.RepoTags?.some(isPauseImage) ? {} : { pinned: true }),
      })),
    async remove(name) {
      const found = await inspect(name)
      if (!found) return
      // Engines keep what is in use, but take away the names that others gave.
      const containers = await engine.listContainers({ all: true })
      const user = containers.find(({ ImageID }) => ImageID === found.Id)
      if (user) throw new Error(`image "${name}" is used by container ${user.Names[0]?.replace(/^\//, '') ?? user.Id}`)
      await unlessGone(engine.getImage(found.Id).remove({ force: true }))
      ours.delete(found.Id)
    },
    async disk() {
      if (imagesDirectory === undefined) return undefined
      const { bsize, blocks, bavail } = await statfs(imagesDirectory)
      return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize }
    },
  }
}

/** The digest that an image has under a name. */
export function digestOf({ digests = [] }: ImageStatus, name: string): string | undefined {
  const wanted = parseImageName(name)
  const isWanted = (digest: string) => {
    const parsed = parseImageName(digest)
    return parsed?.registry === wanted?.registry && parsed?.repository === wanted?.repository
  }
  return digests.find(isWanted) ?? digests[0]
}

const none = '<none>'

const statusOf = ({ Id, RepoTags, RepoDigests, Size }: ImageInfo | ImageInspectInfo): ImageStatus => ({
  id: Id,
  tags: (RepoTags ?? []).filter((tag) => !tag.startsWith(none)),
  digests: (RepoDigests ?? []).filter((digest) => !digest.startsWith(none)),
  sizeBytes: Size,
})

function userOf({ Config }: ImageInspectInfo): Pick<ImageStatus, 'user' | 'username'> {
  const [user] = (Config?.User ?? '').split(':')
  if (!user) return {}
  return /^\d+$/.test(user) ? { user: Number(user) } : { username: user }
}

/** A line of a pull's answer. */
interface PullLine {
  id?: string
  status?: string
  error?: string
  progressDetail?: { current?: number; total?: number }
}

const isDone = new Set(['Pull complete', 'Already exists'])

/** Reads the answer to its end. Rejects with what went wrong, which stands in it. */
async function pulled(answer: AsyncIterable<Buffer>, onProgress: (progress: PullProgress) => void = () => {}) {
  const layers = new Map<string, { bytes: number; bytesDone: number; done: boolean }>()
  for await (const { id, status = '', error, progressDetail } of linesOf(answer)) {
    if (error !== undefined) throw new Error(error)
    if (id === undefined || status.startsWith('Pulling from')) continue
    const before = layers.get(id) ?? { bytes: 0, bytesDone: 0, done: false }
    const { total, current = 0 } = status === 'Downloading' ? (progressDetail ?? {}) : {}
    const bytes = total ?? before.bytes
    const isLoaded = isDone.has(status) || status === 'Download complete'
    layers.set(id, {
      bytes,
      bytesDone: isLoaded ? bytes : Math.max(before.bytesDone, current),
      done: isDone.has(status),
    })
    onProgress(sum([...layers.values()]))
  }
}

const sum = (layers: readonly { bytes: number; bytesDone: number; done: boolean }[]): PullProgress => ({
  layers: layers.length,
  layersDone: layers.filter(({ done }) => done).length,
  bytes: layers.reduce((all, { bytes }) => all + bytes, 0),
  bytesDone: layers.reduce((all, { bytesDone }) => all + bytesDone, 0),
})

async function* linesOf(answer: AsyncIterable<Buffer>): AsyncGenerator<PullLine> {
  let rest = ''
  for await (const chunk of answer) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    yield* lines.filter((line) => line.trim()).map((line) => JSON.parse(line) as PullLine)
  }
  if (rest.trim()) yield JSON.parse(rest) as PullLine
}

/** The images that pods had pulled, by id, kept in a file for the next agent. */
class OwnImages {
  readonly #file: string
  readonly #ids: Set<string>

  constructor(file: string) {
    this.#file = file
    this.#ids = new Set(existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [])
  }

  has = (id: string): boolean => this.#ids.has(id)

  add(id: string): void {
    this.#ids.add(id)
    this.#save()
  }

  delete(id: string): void {
    if (this.#ids.delete(id)) this.#save()
  }

  #save(): void {
    mkdirSync(path.dirname(this.#file), { recursive: true })
    writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#ids]))
    renameSync(`${this.#file}.new`, this.#file)
  }
}
