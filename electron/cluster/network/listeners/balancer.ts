import type { Clock } from '../../base/clock.ts'
import type { EndpointAddress } from '../api.ts'

const addressOf = ({ ip, port }: EndpointAddress): string => `${ip}:${port}`
/** Beyond so many remembered clients the expired ones are forgotten. */
const manyClients = 10_000

/**
 * Chooses an endpoint for each new connection: the one with the fewest connections, and among equals in turn, so that
 * short requests reach all of them. With affinity a client keeps its endpoint while that is there.
 */
export class Balancer {
  readonly #clock: Clock
  readonly #active = new Map<string, number>()
  readonly #clients = new Map<string, { address: string; until: number }>()
  #endpoints: readonly EndpointAddress[] = []
  #affinitySeconds: number | undefined
  #turn = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#endpoints.length === 0
  }

  set(endpoints: readonly EndpointAddress[], affinitySeconds: number | undefined): void {
    this.#endpoints = endpoints
    this.#affinitySeconds = affinitySeconds
    if (affinitySeconds === undefined) this.#clients.clear()
  }

  has(endpoint: EndpointAddress): boolean {
    return this.#endpoints.some(({ ip, port }) => ip === endpoint.ip && port === endpoint.port)
  }

  /** Undefined when every endpoint is among those that have been tried. */
  pick(client: string, tried: readonly EndpointAddress[] = []): EndpointAddress | undefined {
    const candidates = this.#endpoints.filter((endpoint) => !tried.includes(endpoint))
    const chosen = this.#remembered(client, candidates) ?? this.#leastBusy(candidates)
    if (chosen && this.#affinitySeconds !== undefined) this.#remember(client, chosen)
    return chosen
  }

  /** Counts a connection until the returned function is called. */
  use(endpoint: EndpointAddress): () => void {
    const address = addressOf(endpoint)
    this.#active.set(address, (this.#active.get(address) ?? 0) + 1)
    return () => {
      const left = this.#active.get(address)! - 1
      if (left) this.#active.set(address, left)
      else this.#active.delete(address)
    }
  }

  #leastBusy(candidates: readonly EndpointAddress[]): EndpointAddress | undefined {
    const start = this.#turn++
    let best: EndpointAddress | undefined
    let fewest = Infinity
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[(start + i) % candidates.length]!
      const active = this.#active.get(addressOf(candidate)) ?? 0
      if (active < fewest) [best, fewest] = [candidate, active]
    }
    return best
  }

  #remembered(client: string, candidates: readonly EndpointAddress[]): EndpointAddress | undefined {
    const memory = this.#clients.get(client)
    if (!memory || memory.until < this.#clock.monotonic()) return undefined
    return candidates.find((candidate) => addressOf(candidate) === memory.address)
  }

  #remember(client: string, endpoint: EndpointAddress): void {
    const now = this.#clock.monotonic()
    if (this.#clients.size >= manyClients) {
      for (const [other, { until }] of this.#clients) if (until < now) this.#clients.delete(other)
    }
    this.#clients.set(client, { address: addressOf(endpoint), until: now + this.#affinitySeconds! * 1000 })
  }
}
