import type { Socket } from 'node:net'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import { formatLoadBalancerReport, loadBalancerAnnotation } from '#shared/kube/load-balancer.ts'
import { keyOf, type Frozen } from '#shared/kube/object.ts'
import { endpointSlices, namespaces, nodes as nodeType, serviceCidrs, services } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from '../client/api.ts'
import { ApiEventRecorder } from '../client/event-recorder.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import type { GuardedPodNetwork, Locate, PodNetwork } from './api.ts'
import { DnsServer } from './dns/dns-server.ts'
import { HostPorts } from './host-ports/host-ports.ts'
import type { NftTable } from './nftables/table.ts'
import type { PolicyPod } from './policies/decide.ts'
import { guarded } from './policies/guard.ts'
import { NetworkPolicies } from './policies/network-policies.ts'
import { Balancer } from './listeners/balancer.ts'
import type { OnServicePorts, ServicePortReport } from './service-proxy/ports.ts'
import { ServiceProxy, type ProxiedNode } from './service-proxy/service-proxy.ts'
import { listenTcp } from './listeners/tcp-listener.ts'
import { ServiceTable } from './service-table.ts'

export interface NodeNetworkDeps {
  /** As system:kube-proxy. */
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  /** Of all nodes of this machine together. `mapped` where any is; at `gateway` all pods find what the agent listens on. */
  network: Pick<PodNetwork, 'driver' | 'podCidr' | 'gateway' | 'dial'>
  /** The nodes of this machine; DNS answers at the address of each whose pods have a network of their own. */
  nodes: readonly [NetworkedNode, ...NetworkedNode[]]
  /** Keeps the policies in force, for as long as pods have a network. */
  policies: NftTable
  /** Address of the Service of DNS. */
  dnsAddress: string
  clusterId: string
  domain: string
  /** Where pods reach this machine's API server: every server will do for them, but this one is never out of reach. */
  apiServer: { address: string; port: number }
}

export type NetworkedNode = ProxiedNode & Pick<PodNetwork, 'driver'>

export interface NodeNetwork extends AsyncDisposable {
  /** One sentence each: what does not work on this machine. */
  readonly limits: readonly string[]
  /** What policies need to know of who gets a place in a network of this machine. */
  guard(network: PodNetwork): GuardedPodNetwork
  /** For a mapped network: cluster IPs, and DNS, which may not have its usual port there. */
  readonly locate: Locate
  /** The Services of the cluster, kept up by informers. */
  readonly services: ServiceTable
  /** Resolves when it knows all that there are; rejects when it is stopped before. */
  whenSynced(): Promise<void>
}

const dnsPort = 53

/** Service proxy and DNS of this machine's nodes, fed by informers. */
export async function startNodeNetwork(deps: NodeNetworkDeps): Promise<NodeNetwork> {
  const { client, clock, random, logger, network, nodes, clusterId, domain, apiServer } = deps
  const owned = new Disposer()
  const informers = owned.own(new InformerFactory({ client, clock, random, logger }))
  const table = new ServiceTable()
  follow(informers, table, (slice) => (isOfApiServers(slice) ? leadingTo(slice, apiServer) : slice))
  const namespaceLister = informers.for(namespaces, { metadataOnly: true }).lister
  const bridged = nodes.filter(({ driver }) => driver === 'bridge')
  const policies = bridged.length ? enforcePolicies(deps, bridged, informers, owned) : undefined
  const proxy = owned.own(
    await ServiceProxy.create({
      clock,
      logger,
      services: table,
      network,
      nodes,
      clusterId,
      onPorts: reporter(client, logger),
      ...(policies ? { allows: (...of) => policies.allows(...of) } : {}),
    }),
  )
  const hostPorts = policies && openHostPorts(deps, proxy, policies, owned)
  for (const { name } of nodes) {
    const zoned = (node: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } }) =>
      proxy.setZone(name, node.metadata?.labels?.['topology.kubernetes.io/zone'])
    informers
      .for(nodeType, { fieldSelector: `metadata.name=${name}`, metadataOnly: true })
      .handle({ add: zoned, update: zoned, delete: () => proxy.setZone(name, undefined) })
  }
  followRanges(informers, proxy)
  const limits = [...proxy.limits]
  const nodeAddresses = nodes.map(({ address }) => address)
  const dnsAddresses = new Set([...nodeAddresses, deps.dnsAddress])
  let dns: DnsServer | undefined
  try {
    const isSynced = () => informers.for(services).hasSynced && informers.for(endpointSlices).hasSynced
    const namespaceExists = (name: string) => namespaceLister.get(name) !== undefined
    // A mapped network shares the machine's port 53 with everybody: any port will do, since pods are led to it.
    const places = [
      ...(network.driver === 'mapped' ? [{ host: network.gateway, port: 0 }] : []),
      ...bridged.map(({ address }) => ({ host: address, port: dnsPort })),
    ]
    dns = owned.own(
      await DnsServer.create({ clock, random, services: table, domain, places, isSynced, namespaceExists }),
    )
  } catch (error) {
    logger.error('DNS could not be started', { error: String(error) })
    limits.push(`Names of Services are not known to pods: ${(error as Error).message}.`)
  }
  if (dns && bridged.length) table.setSlice(sliceOfDns(bridged[0]!.address))
  if (network.driver === 'bridge') {
    try {
      owned.own(await relayTo(apiServer, { clock, dial: network.dial }))
    } catch (error) {
      logger.error('pods cannot reach the API server', { error: String(error) })
      limits.push(`Pods cannot reach the API server: ${(error as Error).message}.`)
    }
  }
  return {
    limits,
    services: table,
    async whenSynced() {
      const read = [informers.for(services), informers.for(endpointSlices), informers.for(serviceCidrs)]
      await Promise.all(read.map((informer) => informer.whenSynced()))
    },
    guard: (given) =>
      policies && hostPorts && given.driver === 'bridge' ? guarded(given, policies, hostPorts) : given,
    locate: (ip, port) =>
      port === dnsPort && dnsAddresses.has(ip) ? (dns?.addresses[0] ?? 'refused') : proxy.locate(ip, port),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}

function enforcePolicies(
  { client, clock, logger, policies: table }: NodeNetworkDeps,
  nodes: readonly NetworkedNode[],
  informers: InformerFactory,
  owned: Disposer,
): NetworkPolicies {
  const standIns = nodes.map(({ address }) => dnsPod(address))
  const podCidrs = nodes.map(({ podCidr }) => podCidr)
  return owned.own(new NetworkPolicies({ client, informers, clock, logger, podCidrs, standIns, table }))
}

function openHostPorts(
  { client, clock, logger, network: { dial } }: NodeNetworkDeps,
  proxy: ServiceProxy,
  policies: NetworkPolicies,
  owned: Disposer,
): HostPorts {
  const source = { component: 'host-ports' }
  const events = owned.own(new ApiEventRecorder({ client, clock, logger, source }))
  return owned.own(
    new HostPorts({
      clock,
      dial,
      allows: (...of) => policies.allows(...of),
      lead: (entrances) => proxy.lead(entrances),
      onProblem: ({ namespace, name, uid }, { reason, message }) =>
        events.event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, 'Warning', reason, message),
    }),
  )
}

const dnsPorts = [
  { name: 'dns', protocol: 'UDP', port: dnsPort },
  { name: 'dns-tcp', protocol: 'TCP', port: dnsPort },
] as const

/** What policies take DNS for. */
const dnsPod = (ip: string): PolicyPod => ({
  ip,
  namespace: 'kube-system',
  labels: { 'k8s-app': 'kube-dns' },
  ports: dnsPorts,
  only: dnsPorts,
})

type Slice = Frozen<EndpointSlice>

const isOfApiServers = ({ metadata }: Slice): boolean =>
  metadata?.namespace === 'default' && metadata.labels?.['kubernetes.io/service-name'] === 'kubernetes'

const leadingTo = (slice: Slice, { address, port }: NodeNetworkDeps['apiServer']): Slice => ({
  ...slice,
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports: (slice.ports ?? []).map((each) => ({ ...each, port })),
})

/** DNS is no pod, and has its Service all the same. */
const sliceOfDns = (address: string): Slice => ({
  metadata: { namespace: 'kube-system', name: 'kube-dns', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports: dnsPorts,
})

/** The API server listens on loopback only: who reaches it from pods is passed on. */
async function relayTo(
  { address, port }: NodeNetworkDeps['apiServer'],
  { clock, dial }: { clock: Clock; dial: PodNetwork['dial'] },
): Promise<AsyncDisposable> {
  const balancer = new Balancer(clock)
  balancer.set([{ ip: address, port }], undefined)
  const connections = new Set<Socket>()
  const listener = await listenTcp(address, port, { clock, balancer, connections, allows: () => true, dial })
  return {
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      for (const connection of connections) connection.resetAndDestroy()
    },
  }
}

function follow(informers: InformerFactory, table: ServiceTable, seen: (slice: Slice) => Slice): void {
  informers.for(services).handle({
    add: (service) => table.setService(service),
    update: (service) => table.setService(service),
    delete: (service) => table.deleteService(keyOf(service)),
  })
  informers.for(endpointSlices).handle({
    add: (slice) => table.setSlice(seen(slice)),
    update: (slice) => table.setSlice(seen(slice)),
    delete: (slice) => table.deleteSlice(keyOf(slice)),
  })
}

/** What is being deleted counts until it is gone: it may have Services. */
function followRanges(informers: InformerFactory, proxy: ServiceProxy): void {
  const cidrs = informers.for(serviceCidrs)
  const changed = () => {
    const all = cidrs.lister.list().flatMap(({ spec }) => spec?.cidrs ?? [])
    proxy.setRanges([...new Set(all)].filter((range) => !range.includes(':')).sort())
  }
  cidrs.handle({ add: changed, update: changed, delete: changed })
}

/** Tells the controller of load balancers, by an annotation of the Service, which ports of the machine could be had. */
const reporter =
  (client: KubeClient, logger: Logger): OnServicePorts =>
  ({ namespace, name, uid }, reports) => {
    const ports = reports.filter(({ kind }) => kind === 'LoadBalancer').map(loadBalancerPort)
    if (!ports.length) return
    const annotations = { [loadBalancerAnnotation]: formatLoadBalancerReport({ uid, ports }) }
    client.patch(services, { namespace, name }, 'merge', { metadata: { uid, annotations } }).catch((error: unknown) => {
      if (!isNotFound(error))
        logger.warn('the ports of a service could not be reported', {
          service: `${namespace}/${name}`,
          error: String(error),
        })
    })
  }

const loadBalancerPort = ({ port, protocol, bound, problem }: ServicePortReport) => ({
  port,
  protocol,
  ...(bound === undefined ? {} : { bound }),
  ...(problem ? { error: problem.reason, message: problem.message } : {}),
})
