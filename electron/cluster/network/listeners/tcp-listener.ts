import { createServer, Socket, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { Balancer } from './balancer.ts'
import type { EndpointAddress } from '../api.ts'

const connectTimeoutMs = 3000
const mostAttempts = 4

export interface TcpListenerDeps {
  readonly clock: Clock
  readonly balancer: Balancer
  /** Whether a client may be led to an endpoint. */
  allows(client: string, endpoint: EndpointAddress): boolean
  /** Every open connection of a client, also of listeners that are closed and drain. */
  readonly connections: Set<Socket>
  dial(ip: string, port: number, signal: AbortSignal): Promise<Duplex>
}

export interface Listener extends AsyncDisposable {
  readonly host: string
  readonly port: number
}

/** Rejects with the system's error when the port may not be bound. Disposal frees the port and lets connections drain. */
export async function listenTcp(host: string, port: number, deps: TcpListenerDeps): Promise<Listener> {
  // Paused, so that nothing is read before there is somebody to give it to.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    deps.connections.add(client)
    client.once('close', () => deps.connections.delete(client))
    client.on('error', () => {})
    void serve(client, deps)
  })
  await bind(server, host, port)
  const address = server.address() as { port: number }
  return {
    host,
    port: address.port,
    async [Symbol.asyncDispose]() {
      // The callback of close comes when the last connection has drained; the port is free at once.
      server.close()
    },
  }
}

/** Resolves when the server has its port; rejects with the system's error. */
export const bind = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      // Running out of descriptors while accepting must not end the process.
      server.on('error', () => {})
      resolve()
    })
  })

async function serve(client: Socket, { balancer, clock, allows, dial }: TcpListenerDeps): Promise<void> {
  const tried: EndpointAddress[] = []
  while (tried.length < mostAttempts && !client.destroyed) {
    const address = client.remoteAddress ?? ''
    const endpoint = balancer.pick(address, tried)
    if (!endpoint || !allows(address, endpoint)) break
    tried.push(endpoint)
    const release = balancer.use(endpoint)
    try {
      // Nothing of the client has been read yet: another endpoint may be tried. Later, never.
      const upstream = await whileWaited(client, clock, (signal) => dial(endpoint.ip, endpoint.port, signal))
      upstream.once('close', release)
      relay(client, upstream)
      return
    } catch {
      release()
    }
  }
  client.resetAndDestroy()
}

/** Gives up when there is no answer in time, or nobody to pass it on to. */
async function whileWaited(
  client: Socket,
  clock: Clock,
  dial: (signal: AbortSignal) => Promise<Duplex>,
): Promise<Duplex> {
  const stop = new AbortController()
  const cancel = clock.after(connectTimeoutMs, () => stop.abort(new Error('no answer')))
  const onClose = () => stop.abort(new Error('the client has gone'))
  client.once('close', onClose)
  try {
    const upstream = await dial(stop.signal)
    if (!client.destroyed) return upstream
    reset(upstream)
    throw stop.signal.reason
  } finally {
    cancel()
    client.off('close', onClose)
  }
}

/** Joins two half-open connections: the end of one direction passes on, and so does a broken connection. */
export function relay(one: Duplex, other: Duplex): void {
  one.pipe(other)
  other.pipe(one)
  breakTogether(one, other)
  breakTogether(other, one)
}

function breakTogether(from: Duplex, to: Duplex): void {
  from.on('error', () => reset(to))
  // After an orderly end in both directions the other side may still be sending what it was given.
  from.once('close', () => {
    if (!from.readableEnded || !from.writableFinished) reset(to)
  })
}

function reset(stream: Duplex): void {
  if (stream instanceof Socket) stream.resetAndDestroy()
  else stream.destroy()
}
