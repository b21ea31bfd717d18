import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { command, feed } from '../pod-network/commands.ts'
import type { Protocol } from './rules.ts'

export interface ClusterIpTableDeps {
  /** Of the cluster, so that several share a machine. */
  readonly table: string
  /** Where the redirected connections arrive: an address of this machine. */
  readonly address: string
  /** Only packets from here, and those of the host itself, are redirected. */
  readonly podCidr: string
  readonly serviceCidr: string
}

/** A local port for each `clusterIp protocol port`. */
export interface Redirect {
  readonly ip: string
  readonly protocol: Protocol
  readonly port: number
  readonly localPort: number
}

/**
 * Makes cluster IPs reachable on Linux: the kernel redirects what the host and the pods of this cluster send to them to
 * the proxy's own listeners. What has no listener (no endpoints) is refused at once, as upstream does.
 */
export class ClusterIpTable implements AsyncDisposable {
  readonly #deps: ClusterIpTableDeps
  #redirects = new Map<string, string>()
  #addresses = new Set<string>()
  #work: Promise<unknown> = Promise.resolve()
  #routed = false

  private constructor(deps: ClusterIpTableDeps) {
    this.#deps = deps
  }

  /** Rejects where this machine does not allow it. Replaces what an earlier life of the cluster left. */
  static async create(deps: ClusterIpTableDeps): Promise<ClusterIpTable> {
    const { table, podCidr } = deps
    const redirect = 'dnat ip to ip daddr . ip protocol . th dport map @services'
    const refuse = (match: string) => [`${match} meta l4proto tcp reject with tcp reset`, `${match} reject`]
    await feed(
      'nft',
      ['-f', '-'],
      [
        `table ip ${table} {}`,
        `delete table ip ${table}`,
        `table ip ${table} {`,
        'map services { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }',
        'set addresses { type ipv4_addr; }',
        ...chain('prerouting', 'nat', 'dstnat', [`ip saddr ${podCidr} meta l4proto { tcp, udp } ${redirect}`]),
        ...chain('output', 'nat', '-100', [`meta l4proto { tcp, udp } ${redirect}`]),
        // Here a redirected packet has its new destination already.
        ...chain('forward', 'filter', 'filter', refuse(`ip saddr ${podCidr} ip daddr @addresses`), 'refuse_forward'),
        ...chain('output', 'filter', 'filter', refuse('ip daddr @addresses'), 'refuse_output'),
        '}',
      ],
    )
    const created = new ClusterIpTable(deps)
    await created.#route()
    return created
  }

  /** Everything that shall hold from now on. Resolves when it does. */
  update(redirects: readonly Redirect[], addresses: Iterable<string>): Promise<void> {
    const wanted = new Map(
      redirects.map(({ ip, protocol, port, localPort }) => [
        `${ip} . ${protocol.toLowerCase()} . ${port}`,
        `${this.#deps.address} . ${localPort}`,
      ]),
    )
    const wantedAddresses = new Set(addresses)
    const work = this.#work.then(() => this.#apply(wanted, wantedAddresses))
    this.#work = work.catch(() => {})
    return work
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work
    await feed('nft', ['-f', '-'], [`delete table ip ${this.#deps.table}`]).catch(() => {})
    if (this.#routed) await command('ip', ...routeArguments('delete', this.#deps)).catch(() => {})
  }

  async #apply(wanted: Map<string, string>, addresses: Set<string>): Promise<void> {
    const { table } = this.#deps
    const gone = [...this.#redirects].filter(([key, target]) => wanted.get(key) !== target)
    const added = [...wanted].filter(([key, target]) => this.#redirects.get(key) !== target)
    const goneAddresses = [...this.#addresses].filter((address) => !addresses.has(address))
    const newAddresses = [...addresses].filter((address) => !this.#addresses.has(address))
    const change = (verb: string, set: string, elements: string[]) =>
      elements.length ? [`${verb} element ip ${table} ${set} { ${elements.join(', ')} }`] : []
    const pair = ([key, target]: [string, string]) => `${key} : ${target}`
    // One transaction: an address that changes its listener is never without one.
    const lines = [
      ...change('delete', 'services', gone.map(pair)),
      ...change('add', 'services', added.map(pair)),
      ...change('delete', 'addresses', goneAddresses),
      ...change('add', 'addresses', newAddresses),
    ]
    if (lines.length) await feed('nft', ['-f', '-'], lines)
    this.#redirects = wanted
    this.#addresses = addresses
    await this.#route()
  }

  /** Redirecting comes after routing, so without a default route the range needs one of its own; where it goes is no matter. */
  async #route(): Promise<void> {
    if (this.#routed || hasRoute(this.#deps.serviceCidr)) return
    await command('ip', ...routeArguments('replace', this.#deps))
    this.#routed = true
  }
}

/** Routes of several clusters to the same range differ by their metric, so that each goes with its cluster. */
const routeArguments = (verb: string, { serviceCidr, address, table }: ClusterIpTableDeps): string[] => [
  'route',
  verb,
  serviceCidr,
  'dev',
  'lo',
  'src',
  address,
  'metric',
  String(crc32(table) >>> 1),
]

const chain = (hook: string, type: string, priority: string, rules: readonly string[], name = hook): string[] => [
  `chain ${name} {`,
  `type ${type} hook ${hook} priority ${priority}; policy accept;`,
  ...rules,
  '}',
]

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
