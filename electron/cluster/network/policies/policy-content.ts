import { createHash } from 'node:crypto'
import type { ChainContent, SetContent, TableContent } from '../nftables/content.ts'
import { formatAddressRange } from './address-ranges.ts'
import type { Decision, Direction, Isolation } from './decide.ts'
import { isEverything } from './traffic.ts'

/**
 * What makes the kernel hold back what policies do not allow. It comes after Services are translated, so it sees pods and
 * their own ports. What a packet costs is the same however many pods and policies there are: answers pass at once, then one
 * look finds the isolation of each pod, and two what it allows. What the node itself sends is in neither hook.
 */
export function policyContent({ Ingress, Egress }: Decision): TableContent {
  const sets = new Map<string, SetContent>()
  const chains = new Map<string, ChainContent>()
  const verdicts = (direction: Direction, isolations: ReadonlyMap<string, Isolation>) => {
    const elements = new Map<string, string>()
    const names = new Map<Isolation, string>()
    for (const [ip, isolation] of isolations) {
      let name = names.get(isolation)
      if (!name) names.set(isolation, (name = addIsolation(direction, isolation, sets, chains)))
      elements.set(ip, `jump ${name}`)
    }
    sets.set(direction.toLowerCase(), { kind: 'map', declaration: 'type ipv4_addr : verdict;', elements })
  }
  verdicts('Ingress', Ingress)
  verdicts('Egress', Egress)
  const selves = [...new Set([...Ingress.keys(), ...Egress.keys()])].map((ip) => [`${ip} . ${ip}`, ''] as const)
  sets.set('selves', { kind: 'set', declaration: 'type ipv4_addr . ipv4_addr;', elements: new Map(selves) })
  const answers = 'ct state established,related accept'
  chains.set('forward', {
    hook: 'type filter hook forward priority filter; policy accept;',
    rules: [answers, 'ip saddr . ip daddr @selves accept', 'ip saddr vmap @egress', 'ip daddr vmap @ingress'],
  })
  // To the node itself: DNS, the API server, host ports.
  chains.set('input', {
    hook: 'type filter hook input priority filter; policy accept;',
    rules: [answers, 'ip saddr vmap @egress'],
  })
  return { sets, chains }
}

/** Returns the name of its chain, which ends packets that are not allowed. */
function addIsolation(
  direction: Direction,
  { id, allowed }: Isolation,
  sets: Map<string, SetContent>,
  chains: Map<string, ChainContent>,
): string {
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 12)
  const [chain, peers, ports] = ['pods', 'peers', 'ports'].map((name) => `${name}_${digest}`) as [
    string,
    string,
    string,
  ]
  const other = direction === 'Ingress' ? 'ip saddr' : 'ip daddr'
  if (isEverything(allowed)) {
    chains.set(chain, { rules: ['return'] })
    return chain
  }
  sets.set(peers, {
    kind: 'set',
    declaration: 'type ipv4_addr; flags interval;',
    elements: new Map(allowed.peers.map((range) => [formatAddressRange(range), ''])),
  })
  sets.set(ports, {
    kind: 'set',
    declaration: 'type ipv4_addr . inet_proto . inet_service; flags interval;',
    elements: new Map(
      allowed.ports.map(({ addresses, protocol, first, last }) => [
        `${formatAddressRange(addresses)} . ${protocol.toLowerCase()} . ${first === last ? first : `${first}-${last}`}`,
        '',
      ]),
    ),
  })
  chains.set(chain, {
    rules: [`${other} @${peers} return`, `${other} . ip protocol . th dport @${ports} return`, 'drop'],
  })
  return chain
}
