import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { StatusError, statusFailure, type Status } from '#shared/kube/status.ts'
import { Failure } from '../failure.ts'

/** Thrown into a body of which nothing came for too long. */
export class Silence extends Failure {
  constructor(address: string) {
    super('Unreachable', `${address} fell silent.`, 'Check the network, and the VPN if the cluster is behind one.')
  }
}

/**
 * The bytes of an answer, unpacked. Fails with {@link Silence} when nothing comes for `patience` milliseconds; time that
 * the reader takes does not count.
 */
export async function* bodyOf(response: IncomingMessage, patience: number, address: string): AsyncGenerator<Buffer> {
  const packed = response.headers['content-encoding'] === 'gzip'
  // A pipe would not end when the connection breaks: a pipeline does.
  const bytes = packed ? pipeline(response, createGunzip(), () => {}) : response
  let timer: NodeJS.Timeout | undefined
  const wait = () => {
    if (Number.isFinite(patience)) timer = setTimeout(() => response.destroy(new Silence(address)), patience)
  }
  try {
    wait()
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      clearTimeout(timer)
      yield chunk
      wait()
    }
  } finally {
    clearTimeout(timer)
  }
}

export async function textOf(response: IncomingMessage, patience: number, address: string): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of bodyOf(response, patience, address)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** What a refusal says: a Status of the API server, or the words of whatever stands before it. */
export function refusal(code: number, text: string): StatusError {
  try {
    const status = JSON.parse(text) as Partial<Status> | null
    if (status?.kind === 'Status') return new StatusError({ ...(status as Status), code: status.code ?? code })
  } catch {
    // Not from an API server: a proxy or a load balancer in front of it.
  }
  const words = text.startsWith('<') ? '' : text.trim().slice(0, 300)
  return statusFailure(
    code,
    code === 401 ? 'Unauthorized' : code === 403 ? 'Forbidden' : 'Unknown',
    words || `The server answered ${code}.`,
  )
}

/** The texts of `299 - "text"`, any number per header, quotes escaped. */
export function warningsOf(response: IncomingMessage): string[] {
  const header = response.headers['warning']
  if (!header) return []
  return [...String(header).matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) =>
    match[1]!.replace(/\\(.)/g, '$1'),
  )
}
