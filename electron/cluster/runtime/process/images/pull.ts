import { writtenOut, type ImageName } from '#shared/kube/image-name.ts'
import type { Clock } from '../../../base/clock.ts'
import { ImagePullError, type PullProgress } from '../../api.ts'
import type { BlobStore } from './blobs.ts'
import { chainIds, digestOf } from './digest.ts'
import { parseImageConfig, type ImageConfig } from './image-config.ts'
import { longestDocument, parseManifest, type Descriptor, type Manifest, type Platform } from './manifest.ts'
import { RegistryClient, type FetchedDocument } from './registry/client.ts'
import { readBody } from './registry/requests.ts'
import type { Login } from './registry/tokens.ts'
import type { Snapshots } from './snapshots.ts'

/** What an image's name leads to. */
export interface Resolved {
  registry: RegistryClient
  /** Of the configuration. */
  id: string
  /** Of what the name leads to. */
  digest: string
  sizeBytes: number
  config: ImageConfig
  layers: readonly Descriptor[]
  diffIds: readonly string[]
  chain: string[]
}

const deepestIndex = 3
const parallelLayers = 3

/** Asks the registry what the image is. Rejects with ImagePullError. */
export async function resolve(
  name: ImageName,
  {
    platform,
    ...deps
  }: { clock: Clock; login?: Login | undefined; signal?: AbortSignal | undefined; platform: Platform },
): Promise<Resolved> {
  const registry = new RegistryClient({ ...deps, registry: name.registry, repository: name.repository })
  const asked = name.digest || name.tag
  const first = await registry.manifest(asked).catch((error: Error) => {
    const why =
      error instanceof ImagePullError
        ? error.message
        : `failed to do request: ${error.message || (error as NodeJS.ErrnoException).code}`
    throw new ImagePullError(`failed to resolve reference ${JSON.stringify(writtenOut(name))}: ${why}`, {
      cause: error,
    })
  })
  const { manifest, bytes } = await manifestIn(first, registry, platform)
  const { config, diffIds } = parseImageConfig(await configIn(manifest.config, registry), platform)
  if (diffIds.length !== manifest.layers.length)
    throw new ImagePullError(
      `the manifest has ${manifest.layers.length} layers, and the configuration ${diffIds.length}`,
    )
  return {
    registry,
    id: manifest.config.digest,
    digest: first.digest,
    sizeBytes: [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, bytes),
    config,
    layers: manifest.layers,
    diffIds,
    chain: chainIds(diffIds),
  }
}

async function manifestIn(
  first: FetchedDocument,
  registry: RegistryClient,
  platform: Platform,
): Promise<{ manifest: Manifest; bytes: number }> {
  let document = first
  for (let depth = 0; depth < deepestIndex; depth++) {
    const parsed = parseManifest(document.bytes, document.mediaType, platform)
    if ('manifest' in parsed) return { manifest: parsed.manifest, bytes: document.bytes.length }
    document = await registry.manifest(parsed.next.digest)
  }
  throw new ImagePullError('an index leads from one to the next')
}

async function configIn({ digest, size }: Descriptor, registry: RegistryClient): Promise<Buffer> {
  if (size > longestDocument) throw new ImagePullError(`the image configuration is ${size} bytes long`)
  const bytes = await readBody(await registry.blob(digest, 0), size)
  const found = digestOf(bytes, digest)
  if (found !== digest) throw new ImagePullError(`the content of ${digest} has the digest ${found}`)
  return bytes
}

interface DownloadDeps {
  blobs: BlobStore
  snapshots: Snapshots
  signal?: AbortSignal | undefined
  onProgress?: ((progress: PullProgress) => void) | undefined
}

/** Fetches several layers at once and unpacks them in their order, but for those that are there. Answers which it fetched. */
export async function download(
  { registry, layers, diffIds, chain }: Resolved,
  { blobs, snapshots, signal, onProgress = () => {} }: DownloadDeps,
): Promise<Descriptor[]> {
  const missing = layers.flatMap((layer, i) => (snapshots.has(chain[i]!) ? [] : [{ layer, i }]))
  const total = missing.reduce((sum, { layer }) => sum + layer.size, 0)
  const received = new Map<number, number>()
  let layersDone = layers.length - missing.length
  const tell = () => {
    const bytesDone = [...received.values()].reduce((sum, bytes) => sum + bytes, 0)
    onProgress({ layers: layers.length, layersDone, bytes: total, bytesDone })
  }
  // When one fails the others need not go on.
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const free = turnstile(parallelLayers)
  const fetched = missing.map(async ({ layer, i }) => {
    await using _turn = await free()
    return blobs.fetch(layer, (from, stop) => registry.blob(layer.digest, from, stop), {
      signal: either,
      onBytes(bytes) {
        received.set(i, bytes)
        tell()
      },
    })
  })
  const settled = Promise.allSettled(fetched)
  try {
    for (const [place, { i }] of missing.entries()) {
      const blob = await firstFailure(fetched, fetched[place]!)
      await snapshots.unpack({ chain: chain.slice(0, i + 1), diffId: diffIds[i]!, blob }, either)
      layersDone++
      tell()
    }
  } catch (error) {
    stop.abort(error)
    throw error
  } finally {
    await settled
  }
  return missing.map(({ layer }) => layer)
}

/** What one brings, or why any of them has failed. */
const firstFailure = <T>(all: readonly Promise<T>[], one: Promise<T>): Promise<T> =>
  Promise.race([one, Promise.all(all).then(() => one)])

/** Lets so many in at once. */
function turnstile(places: number): () => Promise<AsyncDisposable> {
  const waiting: (() => void)[] = []
  let inside = 0
  return async () => {
    if (inside >= places) await new Promise<void>((resolve) => waiting.push(resolve))
    inside++
    return {
      [Symbol.asyncDispose]: async () => {
        inside--
        waiting.shift()?.()
      },
    }
  }
}
