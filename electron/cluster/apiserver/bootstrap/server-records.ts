import type { Endpoints } from 'kubernetes-types/core/v1'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Entry, Store } from '../../store/api.ts'
import { encodeStored } from '../storage/codec.ts'

/** Where a server is reached. */
export interface ServerAddress {
  address: string
  port: number
}

export interface ServerRecordsDeps {
  store: Store
  clock: Clock
  logger: Logger
  own: ServerAddress
  /** Called with the servers that live, this one among them while it does. */
  publish(servers: readonly ServerAddress[]): Promise<void>
}

/** Where upstream has them; there they are Endpoints too. */
const prefix = '/registry/masterleases/'
const renewEvery = 10_000
const life = 15_000

/**
 * Which servers share the store: each renews a record of itself. Source: pkg/controlplane/reconcilers/lease.go. Clocks are
 * never compared: a server is gone when its record has not been renewed for a time as seen from here.
 */
export class ServerRecords implements AsyncDisposable {
  readonly #deps: ServerRecordsDeps
  readonly #key: string
  readonly #seen = new Map<string, { revision: number; at: number }>()
  #stopped = false
  #cancel = () => {}
  #turn: Promise<void> = Promise.resolve()

  constructor(deps: ServerRecordsDeps) {
    this.#deps = deps
    this.#key = `${prefix}${deps.own.address}:${deps.own.port}`
  }

  /** Resolves when this server is published for the first time, or could not be. */
  start(): Promise<void> {
    this.#turn = this.#renew()
    return this.#turn
  }

  /** Takes this server out, so that nobody is led to it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#turn
    await this.#try(async () => {
      if (this.#deps.store.get(this.#key)) await this.#deps.store.write([{ key: this.#key, value: undefined }])
      const others = this.#living()
      if (others.length) await this.#deps.publish(others)
    })
  }

  async #renew(): Promise<void> {
    const { store, clock, own, publish } = this.#deps
    await this.#try(async () => {
      await store.fresh()
      await store.write([{ key: this.#key, value: (revision) => encodeStored(recordOf(own), revision).value }])
      await publish(this.#living())
    })
    if (this.#stopped) return
    this.#cancel = clock.after(renewEvery, () => void (this.#turn = this.#renew()))
  }

  #living(): ServerAddress[] {
    const now = this.#deps.clock.monotonic()
    const living: ServerAddress[] = []
    for (const entry of this.#deps.store.range(prefix)) {
      const seen = this.#seen.get(entry.key)
      if (seen?.revision !== entry.revision) this.#seen.set(entry.key, { revision: entry.revision, at: now })
      else if (now - seen.at >= life) {
        this.#bury(entry)
        continue
      }
      living.push(...addressesIn(entry))
    }
    return living
  }

  /** Unless it has come back, or another server was faster. */
  #bury({ key, revision }: Entry): void {
    this.#seen.delete(key)
    void this.#try(async () => void (await this.#deps.store.write([{ key, value: undefined, expect: revision }])))
  }

  /** Another server may be doing the same: then what it did will do, until the next time. */
  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#deps.logger.debug('the servers could not be published', { error: String(error) })
    }
  }
}

const recordOf = ({ address, port }: ServerAddress): Endpoints => ({
  metadata: { name: address },
  subsets: [{ addresses: [{ ip: address }], ports: [{ port }] }],
})

/** A record of a real kube-apiserver has no port: it is reached on the usual one. */
function addressesIn({ value }: Entry): ServerAddress[] {
  const { subsets = [] } = JSON.parse(value.toString()) as Endpoints
  return subsets.flatMap(({ addresses = [], ports }) =>
    addresses.map(({ ip }) => ({ address: ip, port: ports?.[0]?.port ?? 6443 })),
  )
}
