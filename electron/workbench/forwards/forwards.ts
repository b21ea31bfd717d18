import net from 'node:net'
import type { Forward } from '#shared/ipc/hosts.ts'
import { follow } from '../channel/follow.ts'
import type { RequestHandlers, StreamHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { Failure, toChannelError } from '../failure.ts'
import { resolveTarget } from './target.ts'
import { tunnel } from './tunnel.ts'

type Wish = Parameters<RequestHandlers['forwards.open']>[0]

interface Open {
  forward: Forward
  server: net.Server
  sockets: Set<net.Socket>
  abort: AbortController
}

/** The forwards that are open, each a listener on loopback. */
export class Forwards implements Disposable {
  #contexts: Contexts
  #open = new Map<string, Open>()
  #listeners = new Set<() => void>()
  #next = 1

  constructor(contexts: Contexts) {
    this.#contexts = contexts
  }

  list(): Forward[] {
    return [...this.#open.values()].map(({ forward }) => ({ ...forward }))
  }

  requests(): Pick<RequestHandlers, 'forwards.open' | 'forwards.close'> {
    return { 'forwards.open': (wish) => this.#listen(wish), 'forwards.close': ({ id }) => this.#close(id) }
  }

  streams(): Pick<StreamHandlers, 'forwards.watch'> {
    return {
      'forwards.watch': (_params, outlet) =>
        follow(
          outlet,
          () => ({ forwards: this.list() }),
          (changed) => {
            this.#listeners.add(changed)
            return { [Symbol.dispose]: () => void this.#listeners.delete(changed) }
          },
        ),
    }
  }

  [Symbol.dispose](): void {
    for (const id of this.#open.keys()) this.#close(id)
  }

  async #listen({ context, namespace, target, remotePort, localPort = 0 }: Wish): Promise<Forward> {
    // Wrong targets are told now, not at the first connection.
    await resolveTarget(this.#contexts.connection(context), namespace, target, remotePort)
    const sockets = new Set<net.Socket>()
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
      void this.#connect(open, socket)
    })
    await listening(server, localPort)
    // Such as running out of file descriptors: the one connection is lost, not the workbench.
    server.on('error', () => {})
    const { port } = server.address() as net.AddressInfo
    const forward: Forward = {
      id: String(this.#next++),
      context,
      namespace,
      target,
      remotePort,
      localPort: port,
      url: `http://127.0.0.1:${port}/`,
      state: 'listening',
    }
    const open: Open = { forward, server, sockets, abort: new AbortController() }
    this.#open.set(forward.id, open)
    this.#tell()
    return { ...forward }
  }

  async #connect({ forward, abort }: Open, socket: net.Socket): Promise<void> {
    try {
      const connection = this.#contexts.connection(forward.context)
      const podPort = await resolveTarget(connection, forward.namespace, forward.target, forward.remotePort)
      const complaint = await tunnel(connection, forward.namespace, podPort, socket, {
        signal: abort.signal,
        opened: () => this.#report(forward, undefined),
      })
      if (complaint !== undefined) this.#report(forward, complaint)
    } catch (error) {
      socket.destroy()
      if (!abort.signal.aborted) this.#report(forward, toChannelError(error).message)
    }
  }

  /** How the last connection went: a complaint is withdrawn by the next one that has none. */
  #report(forward: Forward, complaint: string | undefined): void {
    if (forward.message === complaint) return
    forward.state = complaint === undefined ? 'listening' : 'failed'
    if (complaint === undefined) delete forward.message
    else forward.message = complaint
    this.#tell()
  }

  #close(id: string): void {
    const open = this.#open.get(id)
    if (!open) return
    this.#open.delete(id)
    open.abort.abort()
    open.server.close()
    for (const socket of open.sockets) socket.destroy()
    this.#tell()
  }

  #tell(): void {
    for (const callback of this.#listeners) callback()
  }
}

function listening(server: net.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE'
      const denied = error.code === 'EACCES'
      const message = busy
        ? `Port ${port} is in use.`
        : denied
          ? `Port ${port} is for administrators only.`
          : `Port ${port} cannot be opened: ${error.message}.`
      reject(new Failure('PortBusy', message, 'Choose another local port, or leave it empty for a free one.'))
    })
    server.listen(port, '127.0.0.1', () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
