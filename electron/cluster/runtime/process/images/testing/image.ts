import { gzipSync } from 'node:zlib'
import { pack, type Headers } from 'tar-stream'
import { digestOf } from '../digest.ts'
import { thisPlatform, type Descriptor } from '../manifest.ts'

/** An entry of a layer: a header, with content where it is a file. */
export type LayerEntry = Headers & { content?: string | Buffer; pax?: Record<string, string> }

export interface BuiltImage {
  manifest: Buffer
  mediaType: string
  digest: string
  /** Configuration and layers. */
  blobs: ReadonlyMap<string, Buffer>
  layers: readonly Descriptor[]
  config: Descriptor
}

export async function tar(entries: readonly LayerEntry[]): Promise<Buffer> {
  const archive = pack()
  for (const { content, ...header } of entries) archive.entry({ mtime: new Date(0), ...header }, content ?? '')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export interface ImageParts {
  layers: readonly (readonly LayerEntry[] | Buffer)[]
  /** As in an image configuration: Cmd, Env, User… */
  config?: Record<string, unknown>
  compress?: (archive: Buffer) => Buffer
  platform?: { os: string; architecture: string }
  /** Changes what is written down before it gets its digest. */
  spoil?: (parts: { configuration: Record<string, unknown>; manifest: Record<string, unknown> }) => void
  flavour?: 'oci' | 'docker'
}

const types = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
}

export async function buildImage({
  layers,
  config = {},
  compress = gzipSync,
  platform = thisPlatform(),
  spoil = () => {},
  flavour = 'oci',
}: ImageParts): Promise<BuiltImage> {
  const type = types[flavour]
  const blobs = new Map<string, Buffer>()
  const add = (mediaType: string, content: Buffer): Descriptor => {
    const digest = digestOf(content)
    blobs.set(digest, content)
    return { mediaType, digest, size: content.length }
  }
  const archives = await Promise.all(layers.map(async (layer) => (Buffer.isBuffer(layer) ? layer : tar(layer))))
  const descriptors = archives.map((archive) => add(type.layer, compress(archive)))
  const configuration = {
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: archives.map((one) => digestOf(one)) },
  }
  const document = { schemaVersion: 2, mediaType: type.manifest, layers: descriptors }
  spoil({ configuration, manifest: document })
  const configDescriptor = add(type.config, Buffer.from(JSON.stringify(configuration)))
  const manifest = Buffer.from(JSON.stringify({ ...document, config: configDescriptor }))
  return {
    manifest,
    mediaType: type.manifest,
    digest: digestOf(manifest),
    blobs,
    layers: descriptors,
    config: configDescriptor,
  }
}

/** A list of images for several platforms. */
export function buildIndex(parts: readonly { image: BuiltImage; platform: Record<string, string> }[]) {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const manifests = parts.map(({ image, platform }) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
    platform,
  }))
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
  return { manifest, mediaType, digest: digestOf(manifest) }
}
