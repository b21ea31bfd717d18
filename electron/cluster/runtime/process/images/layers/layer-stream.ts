import { createHash } from 'node:crypto'
import { createReadStream, openSync, readSync, closeSync } from 'node:fs'
import { Transform, type Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'

/** What content begins with tells more than its media type, which some builders get wrong. */
const magic = { gzip: Buffer.from([0x1f, 0x8b]), zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) }

/** Sends a layer's tar archive into `archive`; resolves with the digest of it once that has taken all. `onBytes` may throw. */
export async function openLayer(
  file: string,
  archive: Writable,
  like: string,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const algorithm = like.split(':')[0]!
  const hash = createHash(algorithm)
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        onBytes(chunk.length)
        hash.update(chunk)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
  const decompress = decompressorFor(file)
  const source: Readable = createReadStream(file, { highWaterMark: 256 * 1024 })
  if (decompress) await pipeline(source, decompress, tap, archive)
  else await pipeline(source, tap, archive)
  return `${algorithm}:${hash.digest('hex')}`
}

function decompressorFor(file: string) {
  const start = Buffer.alloc(4)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, start, 0, 4, 0)
  closeSync(descriptor)
  if (start.subarray(0, 2).equals(magic.gzip)) return createGunzip()
  return start.equals(magic.zstd) ? createZstdDecompress() : undefined
}
