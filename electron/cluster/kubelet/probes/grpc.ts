import http2 from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { abortable } from '../abortable.ts'
import { dialFailure, failure, success, type ProbeOutcome } from './outcome.ts'

/** Names of grpc.health.v1.HealthCheckResponse.ServingStatus by number. */
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** grpc.health.v1.Health/Check, whose two messages are small enough to be written by hand. Source: pkg/probe/grpc. */
export async function probeGrpc(
  target: { host: string; port: number; service: string; dial(port: number): Promise<Duplex> },
  timeoutMs: number,
  clock: Clock,
): Promise<ProbeOutcome> {
  const address = `${target.host}:${target.port}`
  const deadline = new AbortController()
  const cancel = clock.after(timeoutMs, () => deadline.abort())
  const dialled = target.dial(target.port)
  let connection: Duplex | undefined
  try {
    connection = await abortable(dialled, deadline.signal)
    connection.on('error', () => {})
    const { grpcStatus, message, body } = await check(connection, address, target.service, deadline.signal)
    if (grpcStatus === 12)
      return failure(
        `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}`,
      )
    if (grpcStatus !== 0)
      return failure(`error: health rpc probe failed: rpc error: code = ${grpcStatus} desc = ${message}`)
    const status = servingStatus(body)
    return status === 'SERVING'
      ? success('service healthy')
      : failure(`service unhealthy (responded with ${JSON.stringify(status)})`)
  } catch (error) {
    if (deadline.signal.aborted) return failure(`timeout: health rpc did not complete within ${timeoutMs / 1000}s`)
    if (!connection)
      return failure(
        `timeout: failed to connect service ${JSON.stringify(address)} within ${timeoutMs / 1000}s: ${dialFailure(address, error as NodeJS.ErrnoException)}`,
      )
    return failure(`error: health rpc probe failed: ${(error as Error).message}`)
  } finally {
    cancel()
    connection?.destroy()
    dialled.then((late) => late.destroy()).catch(() => {})
  }
}

interface Reply {
  grpcStatus: number
  message: string
  body: Buffer
}

function check(connection: Duplex, address: string, service: string, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://${address}`, { createConnection: () => connection })
    session.on('error', reject)
    signal.addEventListener('abort', () => session.destroy(), { once: true })
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': 'kube-probe/1.36',
      te: 'trailers',
    })
    let headers: http2.IncomingHttpHeaders = {}
    const pieces: Buffer[] = []
    stream.on('response', (received) => (headers = received))
    stream.on('trailers', (trailers) => (headers = { ...headers, ...trailers }))
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('error', reject)
    stream.on('close', () => {
      session.destroy()
      const status = headers['grpc-status']
      if (status === undefined) return reject(new Error('the server does not speak gRPC'))
      const message = decodeURIComponent(String(headers['grpc-message'] ?? ''))
      resolve({ grpcStatus: Number(status), message, body: Buffer.concat(pieces) })
    })
    stream.end(request(service))
  })
}

/** Length-prefixed HealthCheckRequest { string service = 1 }. */
function request(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length ? Buffer.concat([Buffer.from([0x0a, name.length]), name]) : Buffer.alloc(0)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** HealthCheckResponse { ServingStatus status = 1 } after its prefix; an absent field is 0. */
function servingStatus(body: Buffer): string {
  const message = body.subarray(5)
  return statuses[message[0] === 0x08 ? (message[1] ?? 0) : 0] ?? 'UNKNOWN'
}
