import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { NftTable } from '../nftables/table.ts'
import { command } from '../pod-network/commands.ts'
import { serviceContent, type Entrance } from './entrances.ts'

export interface EntranceTableDeps {
  /** Of the cluster, so that several share a machine. */
  readonly table: string
  /** The machine's own address among the pods. */
  readonly address: string
  /** Only packets from here, and those of the host itself, are led. */
  readonly podCidr: string
  /** Of each node. */
  readonly podCidrs: readonly string[]
}

export type NewEntrance = Omit<Entrance, 'generation'>
type Generations = Map<string, { endpoints: ReadonlySet<string>; generation: number }>

/** The highest number of a connection tracking zone; 0 is where everything else is. */
const lastZone = 65_535

/** Has the kernel lead from entrances to their endpoints, on Linux, for the host and for the pods of this cluster. */
export class EntranceTable implements AsyncDisposable {
  readonly #deps: EntranceTableDeps
  readonly #table: NftTable
  /** UDP has no connections that end: by the id of an entrance, who last answered there and in which generation. */
  readonly #generations: Generations = new Map()
  #lastGeneration = 0
  /** Ranges to which this machine would not know a way. */
  readonly #routed = new Set<string>()

  private constructor(deps: EntranceTableDeps) {
    this.#deps = deps
    this.#table = new NftTable(deps.table)
  }

  /** Rejects where this machine does not allow it. Replaces what an earlier life of the cluster left. */
  static async create(deps: EntranceTableDeps): Promise<EntranceTable> {
    const created = new EntranceTable(deps)
    await created.update([], [], [])
    return created
  }

  /** Everything that shall hold from now on. Resolves when it does. */
  async update(
    entrances: readonly NewEntrance[],
    addresses: Iterable<string>,
    ranges: readonly string[],
  ): Promise<void> {
    const numbered = entrances.map((entrance) => ({ ...entrance, generation: this.#generation(entrance) }))
    await this.#table.apply(serviceContent(numbered, { ...this.#deps, addresses: new Set(addresses), ranges }))
    await this.#route(ranges)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#table[Symbol.asyncDispose]()
    await this.#route([]).catch(() => {})
  }

  /** A client whose endpoint has gone would send there for ever; in another zone its packets are as those of a new client. */
  #generation({ id, protocol, endpoints }: NewEntrance): number {
    if (protocol !== 'UDP') return 0
    const now = new Set(endpoints.flat().map(({ ip, port }) => `${ip}:${port}`))
    const known = this.#generations.get(id)
    const lost = known !== undefined && known.endpoints.difference(now).size > 0
    if (lost) this.#lastGeneration = (this.#lastGeneration % lastZone) + 1
    const generation = lost ? this.#lastGeneration : (known?.generation ?? 0)
    // Clients outlive entrances, so what is no more is remembered, the newest of it.
    this.#generations.delete(id)
    this.#generations.set(id, { endpoints: now, generation })
    if (this.#generations.size > lastZone) this.#generations.delete(this.#generations.keys().next().value!)
    return generation
  }

  /** Redirecting comes after routing, so without a default route a range needs one of its own; where it goes is no matter. */
  async #route(ranges: readonly string[]): Promise<void> {
    for (const range of this.#routed) {
      if (ranges.includes(range)) continue
      this.#routed.delete(range)
      await command('ip', ...this.#routeArguments('delete', range))
    }
    for (const range of ranges) {
      if (this.#routed.has(range) || hasRoute(range)) continue
      await command('ip', ...this.#routeArguments('replace', range))
      this.#routed.add(range)
    }
  }

  /** Routes of several clusters to the same range differ by their metric, so that each goes with its cluster. */
  #routeArguments(verb: string, range: string): string[] {
    const { address, table } = this.#deps
    return ['route', verb, range, 'dev', 'lo', 'src', address, 'metric', String(crc32(table) >>> 1)]
  }
}

/**
 * Whether some route of the machine covers the range; another cluster's, on `lo`, does not count. The kernel writes
 * addresses in its own, here little-endian, order.
 */
export function hasRoute(cidr: string, table = readFileSync('/proc/net/route', 'utf8')): boolean {
  const network = Buffer.from(cidr.split('/')[0]!.split('.').map(Number)).readUInt32LE()
  return table
    .trim()
    .split('\n')
    .slice(1)
    .some((line) => {
      const [device, destination, , flags, , , , mask] = line.split('\t')
      const isUp = parseInt(flags!, 16) & 1
      return isUp && device !== 'lo' && (network & parseInt(mask!, 16)) >>> 0 === parseInt(destination!, 16)
    })
}
