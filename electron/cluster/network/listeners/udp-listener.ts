import { createSocket, type Socket } from 'node:dgram'
import type { EndpointAddress } from '../api.ts'
import type { Listener, TcpListenerDeps } from './tcp-listener.ts'

/** A client that has been silent for so long is forgotten; upstream's connection tracking waits as long. */
const idleMs = 30_000
const mostSessions = 4096

interface Session {
  readonly endpoint: EndpointAddress
  readonly socket: Socket
  lastUsed: number
  end(): void
}

/** A session per client address: its datagrams go to one endpoint while that is there. Rejects when the port may not be bound. */
export async function listenUdp(
  host: string,
  port: number,
  { clock, balancer, allows }: Pick<TcpListenerDeps, 'clock' | 'balancer' | 'allows'>,
): Promise<Listener> {
  const family = host.includes(':') ? 'udp6' : 'udp4'
  const socket = createSocket({ type: family })
  const sessions = new Map<string, Session>()
  let cancelSweep: (() => void) | undefined

  socket.on('message', (message, client) => {
    const key = `${client.address}:${client.port}`
    let session = sessions.get(key)
    if (session && !balancer.has(session.endpoint)) {
      session.end()
      session = undefined
    }
    session ??= open(key, client.address, client.port)
    if (!session) return
    session.lastUsed = clock.monotonic()
    session.socket.send(message, session.endpoint.port, session.endpoint.ip)
  })

  function open(key: string, clientAddress: string, clientPort: number): Session | undefined {
    if (sessions.size >= mostSessions) sessions.values().next().value?.end()
    const endpoint = balancer.pick(clientAddress)
    if (!endpoint || !allows(clientAddress, endpoint)) return undefined
    const release = balancer.use(endpoint)
    const upstream = createSocket(endpoint.ip.includes(':') ? 'udp6' : 'udp4')
    const session: Session = {
      endpoint,
      socket: upstream,
      lastUsed: clock.monotonic(),
      end() {
        if (!sessions.delete(key)) return
        release()
        upstream.close()
      },
    }
    upstream.on('message', (answer, from) => {
      if (from.address === endpoint.ip && from.port === endpoint.port) socket.send(answer, clientPort, clientAddress)
    })
    upstream.on('error', () => session.end())
    sessions.set(key, session)
    cancelSweep ??= clock.after(idleMs, sweep)
    return session
  }

  function sweep(): void {
    const oldest = clock.monotonic() - idleMs
    for (const session of sessions.values()) if (session.lastUsed <= oldest) session.end()
    cancelSweep = sessions.size ? clock.after(idleMs, sweep) : undefined
  }

  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: host, port }, () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      resolve()
    })
  })
  return {
    host,
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      cancelSweep?.()
      for (const session of sessions.values()) session.end()
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}
