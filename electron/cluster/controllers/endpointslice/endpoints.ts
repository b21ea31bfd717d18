import type { Node } from 'kubernetes-types/core/v1'
import type { Endpoint, EndpointConditions, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import {
  addressesOf,
  hostnameIn,
  isHeadless,
  mayBeEndpoint,
  targetPort,
  type ServiceView,
} from '../framework/support/service-pods.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'

export type SliceView = Frozen<EndpointSlice>
export type EndpointView = Frozen<Endpoint>
export type PortView = Frozen<EndpointPort>
export type AddressType = 'IPv4' | 'IPv6'

/** Endpoints that share the same ports, and so a slice. */
export interface Group {
  readonly ports: readonly PortView[]
  /** By `endpointId`. */
  readonly endpoints: Map<string, EndpointView>
}

const zoneLabel = 'topology.kubernetes.io/zone'

/** What tells endpoints apart: a pod that changes its readiness stays the same endpoint, one that moves does not. */
export const endpointId = ({ addresses, targetRef, hostname }: EndpointView): string =>
  [addresses.join(), targetRef?.uid, targetRef?.name, hostname].join('|')

export const portsId = (ports: readonly PortView[]): string =>
  ports
    .map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => [name, port, protocol, appProtocol].join('/'))
    .sort()
    .join()

/** The endpoints that a service should have for one address family, by their ports. */
export function desiredEndpoints(
  service: ServiceView,
  pods: readonly PodView[],
  family: AddressType,
  node: (name: string) => Frozen<Node> | undefined,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>()
  for (const pod of pods) {
    if (!mayBeEndpoint(pod)) continue
    const addresses = addressesOf(pod).filter((address) => address.includes(':') === (family === 'IPv6'))
    if (!addresses.length) continue
    const nodeName = pod.spec?.nodeName
    const host = nodeName ? node(nodeName) : undefined
    // A pod of a node that is gone will be collected; until then it must not be sent traffic, unless that is asked for.
    if (nodeName && !host && !service.spec?.publishNotReadyAddresses) continue
    const ports = portsOf(service, pod)
    const id = portsId(ports)
    const group = groups.get(id) ?? { ports, endpoints: new Map<string, EndpointView>() }
    groups.set(id, group)
    const endpoint = endpointOf(service, pod, addresses, host)
    group.endpoints.set(endpointId(endpoint), endpoint)
  }
  return groups
}

function portsOf(service: ServiceView, pod: PodView): readonly PortView[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(pod, port)
    if (number === undefined) return []
    const { name = '', protocol = 'TCP', appProtocol } = port
    return { name, port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }
  })
}

function endpointOf(
  service: ServiceView,
  pod: PodView,
  addresses: readonly string[],
  node: Frozen<Node> | undefined,
): EndpointView {
  const serving = isPodReady(pod)
  const terminating = pod.metadata?.deletionTimestamp !== undefined
  const ready = Boolean(service.spec?.publishNotReadyAddresses) || (serving && !terminating)
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  const zone = node?.metadata?.labels?.[zoneLabel]
  const hostname = hostnameIn(pod, service)
  const nodeName = pod.spec?.nodeName
  const hints = hintsOf(service, zone, nodeName, ready)
  return {
    addresses,
    conditions: { ready, serving, terminating } satisfies EndpointConditions,
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hostname ? { hostname } : {}),
    ...(hints ? { hints } : {}),
  }
}

/** trafficDistribution asks proxies to stay in the zone, or on the node. */
function hintsOf(service: ServiceView, zone: string | undefined, nodeName: string | undefined, ready: boolean) {
  const distribution = (service.spec as { readonly trafficDistribution?: string } | undefined)?.trafficDistribution
  if (!distribution || !ready || !zone) return undefined
  const forNodes = distribution === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {}
  return { forZones: [{ name: zone }], ...forNodes }
}

/** The families of a service; of a headless one that names none, IPv4. */
export const familiesOf = (service: ServiceView): readonly AddressType[] =>
  service.spec?.ipFamilies?.length ? (service.spec.ipFamilies as AddressType[]) : ['IPv4']

const reserved = [
  'kubernetes.io/service-name',
  'endpointslice.kubernetes.io/managed-by',
  'service.kubernetes.io/headless',
]
export const managedBy = 'endpointslice-controller.k8s.io'

/** The labels of the service's slices: its own and those by which slices are found. */
export function labelsOf(service: ServiceView): Readonly<Record<string, string>> {
  const own = Object.entries(service.metadata?.labels ?? {}).filter(([key]) => !reserved.includes(key))
  return {
    ...Object.fromEntries(own),
    'endpointslice.kubernetes.io/managed-by': managedBy,
    'kubernetes.io/service-name': service.metadata?.name ?? '',
    ...(isHeadless(service) ? { 'service.kubernetes.io/headless': '' } : {}),
  }
}
