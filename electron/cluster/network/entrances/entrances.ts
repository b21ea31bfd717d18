import { createHash } from 'node:crypto'
import type { ChainContent, SetContent, TableContent } from '../nftables/content.ts'
import type { EndpointAddress, Protocol } from '../api.ts'

/** Addresses that lead to one port of a Service. */
export interface Entrance {
  /** Stays the same while the entrance does. */
  readonly id: string
  readonly protocol: Protocol
  readonly places: readonly EndpointAddress[]
  /** Seconds for which a client keeps its endpoint. */
  readonly affinitySeconds: number | undefined
  /** Who answers, for each node's pods; the first also for the machine itself. */
  readonly endpoints: readonly (readonly EndpointAddress[])[]
  /** UDP: counts how often endpoints have gone, so that the kernel forgets who led there. */
  readonly generation: number
}

export interface Surroundings {
  /** Only packets from here, and those of the machine itself, are led. */
  readonly podCidr: string
  /** Of each node. */
  readonly podCidrs: readonly string[]
  /** For pods nothing answers here but what an entrance says. The machine itself may know it otherwise. */
  readonly ranges: readonly string[]
  /** Where nothing answers but what an entrance says. */
  readonly addresses: Iterable<string>
}

/**
 * What makes the kernel lead packets for Services to their endpoints (upstream: kube-proxy's nftables mode). Finding the
 * entrance and the endpoint costs the same, however many there are; only affinity looks at endpoints one by one. What has
 * no endpoint is refused at once. Pods keep their own address, but for one that reaches itself.
 */
export function serviceContent(entrances: readonly Entrance[], surroundings: Surroundings): TableContent {
  const { podCidr, podCidrs, ranges, addresses } = surroundings
  const chains = new Map<string, ChainContent>()
  const affinity = new Map<string, SetContent>()
  const services = new Map<string, string>()
  const refused = new Map<string, string>()
  const zones = new Map<string, string>()
  const hairpin = new Map<string, string>()
  for (const entrance of entrances) {
    const target = balance(entrance, podCidrs, chains, affinity)
    for (const { ip, port } of entrance.places) {
      const key = `${ip} . ${entrance.protocol.toLowerCase()} . ${port}`
      if (target) services.set(key, `goto ${target}`)
      else refused.set(key, '')
      if (entrance.protocol === 'UDP' && entrance.generation) zones.set(`${ip} . ${port}`, String(entrance.generation))
    }
    for (const { ip } of entrance.endpoints.flat()) hairpin.set(`${ip} . ${ip}`, '')
  }
  const fromPods = `ip saddr ${podCidr}`
  const lead = 'ip daddr . ip protocol . th dport vmap @services'
  const renew = 'ct original zone set ip daddr . udp dport map @zones'
  const refuse = (source: string, ...more: string[]) =>
    ['ip daddr @addresses', 'ip daddr . ip protocol . th dport @refused', ...more].flatMap((match) => [
      `${source} ${match} meta l4proto tcp reject with tcp reset`,
      `${source} ${match} reject`,
    ])
  const place = 'ipv4_addr . inet_proto . inet_service'
  return {
    sets: new Map<string, SetContent>([
      ['services', { kind: 'map', declaration: `type ${place} : verdict;`, elements: services }],
      ['refused', { kind: 'set', declaration: `type ${place};`, elements: refused }],
      ['addresses', { kind: 'set', declaration: 'type ipv4_addr;', elements: keys(addresses) }],
      ['zones', { kind: 'map', declaration: 'typeof ip daddr . udp dport : ct zone;', elements: zones }],
      ['hairpin', { kind: 'set', declaration: 'type ipv4_addr . ipv4_addr;', elements: hairpin }],
      ...affinity,
    ]),
    chains: new Map<string, ChainContent>([
      ...chains,
      ['renew_prerouting', base('filter', 'prerouting', 'raw', [`${fromPods} ${renew}`])],
      ['renew_output', base('filter', 'output', 'raw', [renew])],
      ['prerouting', base('nat', 'prerouting', 'dstnat', [`${fromPods} ${lead}`])],
      ['output', base('nat', 'output', '-100', [lead])],
      [
        'postrouting',
        base('nat', 'postrouting', 'srcnat', ['oifname != "lo" ip saddr . ip daddr @hairpin masquerade']),
      ],
      // Here a packet that is led has its new destination already.
      [
        'refuse_forward',
        base('filter', 'forward', 'filter', refuse(fromPods, ...ranges.map((range) => `ip daddr ${range}`))),
      ],
      ['refuse_output', base('filter', 'output', 'filter', refuse(''))],
    ]),
  }
}

/** Adds the chains that choose an endpoint, and returns the first of them; undefined when nobody could answer. */
function balance(
  entrance: Entrance,
  podCidrs: readonly string[],
  chains: Map<string, ChainContent>,
  affinity: Map<string, SetContent>,
): string | undefined {
  const { id, endpoints } = entrance
  if (!endpoints.some((each) => each.length)) return undefined
  const [first = []] = endpoints
  const name = (index: number) => `service_${digest(`${id} ${index}`)}`
  const add = (index: number, list: readonly EndpointAddress[]) => {
    chains.set(name(index), { rules: choose(entrance, list, chains, affinity) })
    return name(index)
  }
  const others = endpoints.flatMap((list, i) => (i && !sameAddresses(list, first) ? [[i, list] as const] : []))
  if (!others.length) return add(0, first)
  const nodes = `nodes_${digest(id)}`
  chains.set(nodes, {
    rules: [
      ...others.map(([i, list]) => `ip saddr ${podCidrs[i]} ${list.length ? `goto ${add(i, list)}` : 'return'}`),
      ...(first.length ? [`goto ${add(0, first)}`] : []),
    ],
  })
  return nodes
}

function choose(
  { id, protocol, affinitySeconds }: Entrance,
  endpoints: readonly EndpointAddress[],
  chains: Map<string, ChainContent>,
  affinity: Map<string, SetContent>,
): string[] {
  const dnat = `ip protocol ${protocol.toLowerCase()} dnat ip to`
  if (affinitySeconds === undefined) {
    const [only] = endpoints
    if (endpoints.length === 1) return [`${dnat} ${only!.ip}:${only!.port}`]
    return [
      `${dnat} ${inTurn(
        'map',
        endpoints.map(({ ip, port }) => `${ip} . ${port}`),
      )}`,
    ]
  }
  const names = endpoints.map(({ ip, port }) => {
    const own = digest(`${id} ${ip}:${port} ${affinitySeconds}`)
    const [clients, chain] = [`clients_${own}`, `endpoint_${own}`]
    affinity.set(clients, {
      kind: 'set',
      declaration: `type ipv4_addr; flags dynamic,timeout; timeout ${affinitySeconds}s;`,
    })
    chains.set(chain, { rules: [`update @${clients} { ip saddr }`, `${dnat} ${ip}:${port}`] })
    return { clients, chain }
  })
  return [
    ...names.map(({ clients, chain }) => `ip saddr @${clients} goto ${chain}`),
    inTurn(
      'vmap',
      names.map(({ chain }) => `goto ${chain}`),
    ),
  ]
}

const inTurn = (map: 'map' | 'vmap', values: readonly string[]): string =>
  `numgen inc mod ${values.length} ${map} { ${values.map((value, i) => `${i} : ${value}`).join(', ')} }`

const base = (type: string, hook: string, priority: string, rules: readonly string[]): ChainContent => ({
  hook: `type ${type} hook ${hook} priority ${priority}; policy accept;`,
  rules,
})

const keys = (values: Iterable<string>): Map<string, string> => new Map([...values].map((value) => [value, '']))

const sameAddresses = (a: readonly EndpointAddress[], b: readonly EndpointAddress[]): boolean =>
  a.length === b.length && a.every(({ ip, port }, i) => ip === b[i]!.ip && port === b[i]!.port)

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)
