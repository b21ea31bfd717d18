import { createSocket } from 'node:dgram'
import { Resolver as SystemResolver } from 'node:dns'
import { connect, isIPv6 } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { FrameReader, frame } from './tcp-frames.ts'

const timeoutMs = 2000
/** The machine's resolvers change with the network it is in. */
const rereadMs = 10_000

export interface ForwarderDeps {
  readonly clock: Clock
  readonly random: Random
  /** Addresses, with `:port` where it is not 53; IPv6 with a port in brackets. Default: the machine's own resolvers. */
  resolvers?(): readonly string[]
  /** Whether that is this very server: forwarding to it would go round in circles. */
  isOwn(host: string, port: number): boolean
}

interface Resolver {
  readonly host: string
  readonly port: number
}

/** Passes queries on to the machine's resolvers, byte for byte but for their id. */
export class Forwarder {
  readonly #deps: ForwarderDeps
  #resolvers: readonly Resolver[] = []
  #readAt = -Infinity

  constructor(deps: ForwarderDeps) {
    this.#deps = deps
  }

  /** The answer with the query's id; undefined when no resolver gave one in time. */
  async ask(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    for (const resolver of this.#current()) {
      const sent = Buffer.from(query)
      // An id of our own: the asker's is known to whoever made it ask.
      sent.writeUInt16BE(Math.floor(this.#deps.random.next() * 0x1_0000))
      const answer = await (transport === 'udp' ? this.#udp(sent, resolver) : this.#tcp(sent, resolver))
      if (!answer) continue
      const repeated = Buffer.from(answer)
      query.copy(repeated, 0, 0, 2)
      return repeated
    }
    return undefined
  }

  #current(): readonly Resolver[] {
    const now = this.#deps.clock.monotonic()
    if (now - this.#readAt >= rereadMs) {
      this.#readAt = now
      const all = this.#deps.resolvers?.() ?? new SystemResolver().getServers()
      this.#resolvers = all.map(parseResolver).filter(({ host, port }) => !this.#deps.isOwn(host, port))
    }
    return this.#resolvers
  }

  #udp(query: Buffer, { host, port }: Resolver): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      // A connected socket of its own for each query: the port is hard to guess, and only the resolver can answer.
      const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
      let finished = false
      const finish = (answer: Buffer | undefined) => {
        if (finished) return
        finished = true
        cancel()
        socket.close()
        resolve(answer)
      }
      const cancel = this.#deps.clock.after(timeoutMs, () => finish(undefined))
      socket.on('error', () => finish(undefined))
      socket.on('message', (answer) => {
        if (answers(answer, query)) finish(answer)
      })
      // A callback of `connect` would be called with its failure too: on a machine without a network, nothing leads there.
      socket.once('connect', () => socket.send(query))
      socket.connect(port, host)
    })
  }

  #tcp(query: Buffer, { host, port }: Resolver): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host, port })
      const finish = (answer: Buffer | undefined) => {
        cancel()
        socket.destroy()
        resolve(answer)
      }
      const cancel = this.#deps.clock.after(timeoutMs, () => finish(undefined))
      const reader = new FrameReader((answer) => {
        if (answers(answer, query)) finish(answer)
      })
      socket.on('error', () => finish(undefined))
      socket.on('close', () => finish(undefined))
      socket.on('data', (data) => reader.push(data))
      socket.write(frame(query))
    })
  }
}

/** The same id, and a response. */
const answers = (answer: Buffer, query: Buffer): boolean =>
  answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0) && (answer[2]! & 0x80) !== 0

function parseResolver(resolver: string): Resolver {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(resolver) ?? /^([^:]+):(\d+)$/.exec(resolver)
  return bracketed ? { host: bracketed[1]!, port: Number(bracketed[2] ?? 53) } : { host: resolver, port: 53 }
}
