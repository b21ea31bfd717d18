import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from 'kubernetes-types/networking/v1'
import { keyOf, type Frozen, type LabelSelector } from '#shared/kube/object.ts'
import { matches, selectorOf, type Labels } from '#shared/kube/selectors.ts'
import { parseAddress } from '../pod-network/cidr.ts'
import type { Protocol } from '../api.ts'
import { everyAddress, rangeOf, subtracted, type AddressRange } from './address-ranges.ts'
import { allPorts, traffic, type PortTraffic, type Traffic } from './traffic.ts'

/** A pod as policies see it; also what stands for one, such as DNS. */
export interface PolicyPod {
  /** IPv4. */
  readonly ip: string
  readonly namespace: string
  readonly labels: Labels
  readonly ports: readonly NamedPort[]
  /** The only ports that are its own, where others share its address. */
  readonly only?: readonly NamedPort[]
}

export interface NamedPort {
  readonly name?: string | undefined
  readonly protocol: Protocol
  readonly port: number
}

export interface Observed {
  readonly policies: Iterable<Frozen<NetworkPolicy>>
  /** Pods with an address of their own, all over the cluster. */
  readonly pods: readonly PolicyPod[]
  /** Labels of each namespace, by its name. */
  readonly namespaces: ReadonlyMap<string, Labels>
  /** Whether policies hold for a pod of this address here; others are peers only. */
  isHere(ip: string): boolean
}

export type Direction = 'Ingress' | 'Egress'

/** What the policies leave to the pods that they isolate; a pod that is in neither map is free. */
export type Decision = Readonly<Record<Direction, ReadonlyMap<string, Isolation>>>

export interface Isolation {
  /** The same for pods that share one, and stays while the policies that select them do. */
  readonly id: string
  readonly allowed: Traffic
}

/** Who may speak with whom (upstream: the comments of networking.k8s.io/v1, which are its specification). */
export function decide(observed: Observed): Decision {
  const peers = new Peers(observed.pods, observed.namespaces)
  const byNamespace = Map.groupBy(
    [...observed.policies].map((policy) => ({ policy, selector: selectorOf(policy.spec?.podSelector ?? {}) })),
    ({ policy }) => policy.metadata?.namespace ?? '',
  )
  const isolated = (direction: Direction): Map<string, Isolation> => {
    const known = new Map<string, Isolation>()
    const result = new Map<string, Isolation>()
    for (const pod of observed.pods) {
      const selecting = (byNamespace.get(pod.namespace) ?? []).filter(
        ({ policy, selector }) => isOf(direction, policy) && matches(selector, pod.labels),
      )
      if (!selecting.length || pod.only || !observed.isHere(pod.ip)) continue
      const policies = selecting.map(({ policy }) => policy)
      const id = idOf(direction, policies, pod)
      let isolation = known.get(id)
      if (!isolation) known.set(id, (isolation = { id, allowed: allowedBy(policies, direction, pod, peers) }))
      result.set(pod.ip, isolation)
    }
    return result
  }
  return { Ingress: isolated('Ingress'), Egress: isolated('Egress') }
}

/** The API server has set the types of every policy; from before it did, those without are of the rules that they have. */
const isOf = (direction: Direction, { spec }: Frozen<NetworkPolicy>): boolean =>
  spec?.policyTypes?.length
    ? spec.policyTypes.includes(direction)
    : direction === 'Ingress' || (spec?.egress?.length ?? 0) > 0

const rulesOf = (direction: Direction, { spec }: Frozen<NetworkPolicy>): Rule[] =>
  direction === 'Ingress'
    ? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))

interface Rule {
  readonly peers: readonly Frozen<NetworkPolicyPeer>[] | undefined
  readonly ports: readonly Frozen<NetworkPolicyPort>[] | undefined
}

/** Pods of the same policies share what is allowed, unless a port has a name that they give to different numbers. */
function idOf(direction: Direction, policies: readonly Frozen<NetworkPolicy>[], pod: PolicyPod): string {
  const names = policies
    .flatMap((policy) => rulesOf(direction, policy))
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ port }) => typeof port === 'string')
  const own = direction === 'Ingress' && names.length ? pod.ports : []
  return JSON.stringify([direction, policies.map(keyOf).sort(), own])
}

function allowedBy(
  policies: readonly Frozen<NetworkPolicy>[],
  direction: Direction,
  pod: PolicyPod,
  peers: Peers,
): Traffic {
  const whole: AddressRange[] = []
  const ports: PortTraffic[] = []
  for (const rule of policies.flatMap((policy) => rulesOf(direction, policy))) {
    // Without any, everybody is meant.
    const blocks = rule.peers?.length ? rule.peers.flatMap(blockOf) : [everyAddress]
    const pods = rule.peers?.length ? peers.of(rule.peers, pod.namespace) : []
    if (!rule.ports?.length) {
      whole.push(...blocks, ...pods.flatMap((each) => (each.only ? [] : [addressOf(each)])))
      ports.push(...pods.flatMap((each) => (each.only ?? []).map((port) => portOf(each, port))))
    }
    for (const { port, endPort, protocol: given } of rule.ports ?? []) {
      const protocol = (given ?? 'TCP') as Protocol
      if (typeof port === 'string' && direction === 'Egress') {
        // The number is known to who has the port.
        for (const each of rule.peers?.length ? pods : peers.all)
          ports.push(...named(each, port, protocol).map((found) => portOf(each, found)))
        continue
      }
      const [number] = typeof port === 'string' ? named(pod, port, protocol).map((found) => found.port) : [port]
      if (number === undefined && port !== undefined) continue
      const range = number === undefined ? allPorts : { first: number, last: endPort ?? number }
      ports.push(...blocks.map((addresses) => ({ addresses, protocol, ...range })))
      ports.push(...pods.flatMap((each) => portsOf(each, protocol, range)))
    }
  }
  return traffic(whole, ports)
}

const named = (pod: PolicyPod, name: string, protocol: Protocol): NamedPort[] =>
  pod.ports.filter((port) => port.name === name && port.protocol === protocol).slice(0, 1)

const addressOf = ({ ip }: PolicyPod): AddressRange => ({ first: parseAddress(ip), last: parseAddress(ip) })

const portOf = (pod: PolicyPod, { protocol, port }: NamedPort): PortTraffic => ({
  addresses: addressOf(pod),
  protocol,
  first: port,
  last: port,
})

const portsOf = (pod: PolicyPod, protocol: Protocol, range: { first: number; last: number }): PortTraffic[] =>
  pod.only
    ? pod.only
        .filter((one) => one.protocol === protocol && range.first <= one.port && one.port <= range.last)
        .map((one) => portOf(pod, one))
    : [{ addresses: addressOf(pod), protocol, ...range }]

function blockOf({ ipBlock }: Frozen<NetworkPolicyPeer>): AddressRange[] {
  const block = ipBlock && rangeOf(ipBlock.cidr)
  if (!block) return []
  return subtracted(
    block,
    (ipBlock.except ?? []).flatMap((part) => rangeOf(part) ?? []),
  )
}

/** Finds the pods that peers select; each selector once. */
class Peers {
  readonly all: readonly PolicyPod[]
  readonly #namespaces: ReadonlyMap<string, Labels>
  readonly #byNamespace: ReadonlyMap<string, readonly PolicyPod[]>
  readonly #known = new Map<string, readonly PolicyPod[]>()

  constructor(pods: readonly PolicyPod[], namespaces: ReadonlyMap<string, Labels>) {
    this.all = pods
    this.#namespaces = namespaces
    this.#byNamespace = Map.groupBy(pods, ({ namespace }) => namespace)
  }

  of(peers: readonly Frozen<NetworkPolicyPeer>[], ownNamespace: string): PolicyPod[] {
    return [...new Set(peers.flatMap((peer) => (peer.ipBlock ? [] : this.#selected(peer, ownNamespace))))]
  }

  #selected({ podSelector, namespaceSelector }: Frozen<NetworkPolicyPeer>, ownNamespace: string): readonly PolicyPod[] {
    const key = JSON.stringify([namespaceSelector ?? ownNamespace, podSelector])
    let found = this.#known.get(key)
    if (!found) this.#known.set(key, (found = this.#find(podSelector, namespaceSelector, ownNamespace)))
    return found
  }

  #find(
    podSelector: Frozen<LabelSelector> | undefined,
    namespaceSelector: Frozen<LabelSelector> | undefined,
    ownNamespace: string,
  ): PolicyPod[] {
    const namespaces = namespaceSelector
      ? [...this.#namespaces].flatMap(([name, labels]) =>
          matches(selectorOf(namespaceSelector), labels) ? [name] : [],
        )
      : [ownNamespace]
    const selector = selectorOf(podSelector ?? {})
    return namespaces.flatMap((name) =>
      (this.#byNamespace.get(name) ?? []).filter(({ labels }) => matches(selector, labels)),
    )
  }
}
