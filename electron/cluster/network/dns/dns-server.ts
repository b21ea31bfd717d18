import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { Disposer } from '../../base/dispose.ts'
import type { Random } from '../../base/random.ts'
import type { Place } from '../api.ts'
import type { ServiceTable } from '../service-table.ts'
import { ClusterZone } from './cluster-zone.ts'
import { Forwarder } from './forwarder.ts'
import { Responder } from './responder.ts'
import { frame, FrameReader } from './tcp-frames.ts'

const idleConnectionMs = 10_000

export interface DnsServerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly services: ServiceTable
  /** Such as cluster.local. */
  readonly domain: string
  /** Where to listen, over UDP and TCP; at port 0 at a free one, the same for both. */
  readonly places: readonly Place[]
  /** False as long as the Services are not known yet: then absent names are failures and not absent. */
  isSynced(): boolean
  /** Default: a namespace exists when it has a Service. */
  namespaceExists?(namespace: string): boolean
  /** Where other names are looked up, as `address` or `address:port`. Default: the machine's own resolvers. */
  resolvers?(): readonly string[]
}

/** The DNS of the cluster: answers its names itself, and passes all others on. */
export class DnsServer implements AsyncDisposable {
  readonly #addresses: { host: string; port: number }[] = []
  readonly #clock: Clock
  readonly #responder: Responder
  readonly #sockets = new Disposer()
  readonly #connections = new Set<Socket>()

  private constructor(deps: DnsServerDeps) {
    this.#clock = deps.clock
    const isOwn = (host: string, port: number) => this.#addresses.some((own) => own.host === host && own.port === port)
    this.#responder = new Responder({
      zone: new ClusterZone(deps),
      forwarder: new Forwarder({ ...deps, isOwn }),
      isSynced: () => deps.isSynced(),
    })
  }

  /** Rejects with the system's error when an address may not be bound. */
  static async create(deps: DnsServerDeps): Promise<DnsServer> {
    const server = new DnsServer(deps)
    try {
      for (const { host, port } of deps.places) await server.#listen(host, port)
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Where it listens. */
  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#addresses
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    await this.#sockets[Symbol.asyncDispose]()
  }

  async #listen(host: string, wanted: number): Promise<void> {
    const stream = createServer((connection) => this.#serve(connection))
    const port = await bindStream(stream, host, wanted)
    this.#sockets.defer(() => new Promise<void>((resolve) => stream.close(() => resolve())))
    const datagrams = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    this.#sockets.defer(() => new Promise<void>((resolve) => datagrams.close(() => resolve())))
    await bindDatagrams(datagrams, host, port)
    datagrams.on('message', (packet, from) => {
      void this.#responder.respond(packet, 'udp').then((answer) => {
        if (answer) datagrams.send(answer, from.port, from.address, () => {})
      })
    })
    this.#addresses.push({ host, port })
  }

  #serve(connection: Socket): void {
    this.#connections.add(connection)
    const stayAlive = () => this.#clock.after(idleConnectionMs, () => connection.destroy())
    let cancel = stayAlive()
    const reader = new FrameReader((packet) => {
      void this.#responder.respond(packet, 'tcp').then((answer) => {
        if (answer && connection.writable) connection.write(frame(answer))
      })
    })
    connection.on('error', () => {})
    connection.on('data', (data) => {
      cancel()
      cancel = stayAlive()
      reader.push(data)
    })
    connection.once('close', () => {
      cancel()
      this.#connections.delete(connection)
    })
  }
}

const bindStream = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject).on('error', () => {})
      resolve((server.address() as AddressInfo).port)
    })
  })

const bindDatagrams = (socket: DatagramSocket, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: host, port }, () => {
      socket.off('error', reject).on('error', () => {})
      resolve()
    })
  })
