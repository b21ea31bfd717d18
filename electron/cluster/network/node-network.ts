import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import { formatLoadBalancerReport, loadBalancerAnnotation } from '#shared/kube/load-balancer.ts'
import { keyOf, type Frozen } from '#shared/kube/object.ts'
import { endpointSlices, namespaces, nodes, services } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from '../client/api.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import type { Locate, PodNetwork } from './api.ts'
import { DnsServer } from './dns/dns-server.ts'
import type { OnServicePorts, ServicePortReport } from './service-proxy/ports.ts'
import { ServiceProxy } from './service-proxy/service-proxy.ts'
import { ServiceTable } from './service-table.ts'

export interface NodeNetworkDeps {
  /** As system:kube-proxy. */
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  network: Pick<PodNetwork, 'driver' | 'podCidr' | 'gateway' | 'dial'>
  /** What the pods of each node know it by: where DNS answers them. */
  nodeAddresses: readonly string[]
  /** Address of the Service of DNS. */
  dnsAddress: string
  nodeName: string
  serviceCidr: string
  clusterId: string
  domain: string
  /** Where this machine's API server is reached: every server will do for a pod, but this one is never out of reach. */
  apiServer: { address: string; port: number }
}

export interface NodeNetwork extends AsyncDisposable {
  /** One sentence each: what does not work on this machine. */
  readonly limits: readonly string[]
  /** For a mapped network: cluster IPs, and DNS, which may not have its usual port there. */
  readonly locate: Locate
}

const dnsPort = 53

/** Service proxy and DNS of this machine's nodes, fed by informers. */
export async function startNodeNetwork(deps: NodeNetworkDeps): Promise<NodeNetwork> {
  const { client, clock, random, logger, network, nodeAddresses, nodeName, serviceCidr, clusterId, domain } = deps
  const owned = new Disposer()
  const informers = owned.own(new InformerFactory({ client, clock, random, logger }))
  const table = new ServiceTable()
  follow(informers, table, (slice) => (isOfApiServers(slice) ? leadingTo(slice, deps.apiServer) : slice))
  const namespaceLister = informers.for(namespaces, { metadataOnly: true }).lister
  const proxy = owned.own(
    await ServiceProxy.create({
      clock,
      logger,
      services: table,
      network,
      nodeName,
      serviceCidr,
      clusterId,
      onPorts: reporter(client, logger),
    }),
  )
  const zoned = (node: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } }) =>
    proxy.setZone(node.metadata?.labels?.['topology.kubernetes.io/zone'])
  informers
    .for(nodes, { fieldSelector: `metadata.name=${nodeName}`, metadataOnly: true })
    .handle({ add: zoned, update: zoned, delete: () => proxy.setZone(undefined) })
  const limits = [...proxy.limits]
  const dnsAddresses = new Set([...nodeAddresses, deps.dnsAddress])
  let dns: DnsServer | undefined
  try {
    const isSynced = () => informers.for(services).hasSynced && informers.for(endpointSlices).hasSynced
    const namespaceExists = (name: string) => namespaceLister.get(name) !== undefined
    // A mapped network shares the machine's port 53 with everybody: any port will do, since pods are led to it.
    const place =
      network.driver === 'bridge' ? { hosts: nodeAddresses, port: dnsPort } : { hosts: [network.gateway], port: 0 }
    dns = owned.own(
      await DnsServer.create({ clock, random, services: table, domain, ...place, isSynced, namespaceExists }),
    )
  } catch (error) {
    logger.error('DNS could not be started', { error: String(error) })
    limits.push(`Names of Services are not known to pods: ${(error as Error).message}.`)
  }
  return {
    limits,
    locate: (ip, port) =>
      port === dnsPort && dnsAddresses.has(ip) ? (dns?.addresses[0] ?? 'refused') : proxy.locate(ip, port),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}

type Slice = Frozen<EndpointSlice>

const isOfApiServers = ({ metadata }: Slice): boolean =>
  metadata?.namespace === 'default' && metadata.labels?.['kubernetes.io/service-name'] === 'kubernetes'

const leadingTo = (slice: Slice, { address, port }: NodeNetworkDeps['apiServer']): Slice => ({
  ...slice,
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports: (slice.ports ?? []).map((each) => ({ ...each, port })),
})

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
