import { ImagePullError } from '../../api.ts'
import { isDigest } from './digest.ts'

/** A part of an image: content by digest, with its size in bytes. */
export interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

export interface Manifest {
  config: Descriptor
  layers: readonly Descriptor[]
}

export interface Platform {
  os: string
  architecture: string
  variant?: string
}

interface IndexEntry extends Descriptor {
  platform?: Platform
}

const docker = 'application/vnd.docker.distribution'
const oci = 'application/vnd.oci.image'
const indexTypes = [`${oci}.index.v1+json`, `${docker}.manifest.list.v2+json`]
const manifestTypes = [`${oci}.manifest.v1+json`, `${docker}.manifest.v2+json`]
export const acceptedTypes = [...manifestTypes, ...indexTypes].join(', ')

/** No image needs more; what is read into memory must have an end. */
export const longestDocument = 4 * 1024 * 1024
/** The mount options of an overlay have to fit into a page. */
const mostLayers = 110

const layerTypes =
  /^application\/vnd\.(oci\.image|docker\.image\.rootfs)\..*(tar|diff\.tar)(\.gzip|\+gzip|\+zstd|\.zstd)?$/

export const parseJson = (bytes: Buffer, what: string): Record<string, unknown> => {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new ImagePullError(`the ${what} is not JSON`)
}

/**
 * Reads a manifest, or says which manifest of an index to read for this platform. Rejects schemas that are no longer in
 * use, foreign kinds and what does not hold together with ImagePullError.
 */
export function parseManifest(
  bytes: Buffer,
  contentType: string,
  platform: Platform,
): { manifest: Manifest } | { next: Descriptor } {
  const document = parseJson(bytes, 'manifest')
  const type = typeof document.mediaType === 'string' ? document.mediaType : contentType.split(';')[0]!.trim()
  if (document.schemaVersion !== 2)
    throw new ImagePullError(`manifests of schema ${JSON.stringify(document.schemaVersion)} are not supported`)
  if (indexTypes.includes(type) || (!manifestTypes.includes(type) && Array.isArray(document.manifests)))
    return { next: choose(asList(document.manifests, 'index') as IndexEntry[], platform) }
  const manifest = {
    config: checked(document.config, 'config'),
    layers: asList(document.layers, 'manifest').map((layer) => checked(layer, 'layer')),
  }
  const foreign = manifest.layers.find(({ mediaType }) => !layerTypes.test(mediaType))
  if (foreign) throw new ImagePullError(`layers of type ${JSON.stringify(foreign.mediaType)} are not supported`)
  if (manifest.layers.length > mostLayers)
    throw new ImagePullError(`it has ${manifest.layers.length} layers; ${mostLayers} can be stacked`)
  return { manifest }
}

function asList(value: unknown, what: string): unknown[] {
  if (Array.isArray(value)) return value
  throw new ImagePullError(`the ${what} has no list of its parts`)
}

function checked(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Descriptor>
  if (typeof mediaType === 'string' && isDigest(digest) && Number.isSafeInteger(size) && size! >= 0)
    return { mediaType, digest, size: size! }
  throw new ImagePullError(`the manifest does not say what its ${what} is`)
}

/** As containerd matches: the architecture, with the variant where both name one; the first of the best. */
function choose(entries: readonly IndexEntry[], wanted: Platform): Descriptor {
  const fitting = entries.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  )
  const exact = fitting.find(({ platform }) => (platform?.variant ?? '') === (wanted.variant ?? ''))
  const found = exact ?? fitting[0]
  if (found) return checked(found, 'part for this platform')
  throw new ImagePullError(`no match for platform in manifest: not found (wanted ${wanted.os}/${wanted.architecture})`)
}

const architectures: Partial<Record<string, string>> = { x64: 'amd64', ia32: '386' }

export const thisPlatform = (): Platform => ({
  os: 'linux',
  architecture: architectures[process.arch] ?? process.arch,
})
