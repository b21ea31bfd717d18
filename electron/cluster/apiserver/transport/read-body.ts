import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { badRequest, requestEntityTooLarge, unsupportedMediaType, type StatusError } from '#shared/kube/status.ts'

const unzip = promisify(gunzip)

/** Reads a body whole. Past the limit it stops reading: the connection is closed after the answer. */
export async function readBody(stream: Readable, limit: number, encoding: string | undefined): Promise<Buffer> {
  const body = await collect(stream, limit)
  if (!encoding || encoding === 'identity') return body
  if (encoding !== 'gzip') {
    throw unsupportedMediaType(`the body of the request is encoded as ${encoding}, which is not supported`)
  }
  try {
    return await unzip(body, { maxOutputLength: limit })
  } catch {
    throw requestEntityTooLarge(`Request body is too large, or not gzip: limit is ${limit}`)
  }
}

function collect(stream: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const settle = (finish: () => void) => {
      stream.off('data', onData)
      stream.off('end', onEnd)
      stream.off('close', onClose)
      finish()
    }
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size <= limit) return
      stream.pause()
      settle(() => reject(tooLarge(limit)))
    }
    const onEnd = () => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    const onClose = () =>
      settle(() => reject(badRequest('the client closed the connection before its request was complete')))
    stream.on('data', onData)
    stream.on('end', onEnd)
    stream.on('close', onClose)
  })
}

export const tooLarge = (limit: number): StatusError =>
  requestEntityTooLarge(`Request entity too large: limit is ${limit}`)
