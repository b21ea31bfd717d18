import type { Node } from 'kubernetes-types/core/v1'
import type { EndpointConditions } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import {
  endpointId,
  managedByLabel,
  portsId,
  serviceNameLabel,
  type AddressType,
  type EndpointView,
  type PortView,
} from '../framework/support/endpoint-slices.ts'
import {
  addressesOf,
  hostnameIn,
  isHeadless,
  mayBeEndpoint,
  targetPort,
  type ServiceView,
} from '../framework/support/service-pods.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'

/** Endpoints that share the same ports, and so a slice. */
export interface Group {
  readonly ports: readonly PortView[]
  /** By `endpointId`. */
  readonly endpoints: Map<string, EndpointView>
}

/** In which zone a node is. */
export const zoneLabel = 'topology.kubernetes.io/zone'

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
  return {
    addresses,
    conditions: { ready, serving, terminating } satisfies EndpointConditions,
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hostname ? { hostname } : {}),
  }
}

/** The families of a service; of a headless one that names none, IPv4. */
export const familiesOf = (service: ServiceView): readonly AddressType[] =>
  service.spec?.ipFamilies?.length ? (service.spec.ipFamilies as AddressType[]) : ['IPv4']

const headlessLabel = 'service.kubernetes.io/headless'
const reserved = [serviceNameLabel, managedByLabel, headlessLabel]
export const managedBy = 'endpointslice-controller.k8s.io'

/** The labels of the service's slices: its own and those by which slices are found. */
export function labelsOf(service: ServiceView): Readonly<Record<string, string>> {
  const own = Object.entries(service.metadata?.labels ?? {}).filter(([key]) => !reserved.includes(key))
  return {
    ...Object.fromEntries(own),
    [managedByLabel]: managedBy,
    [serviceNameLabel]: service.metadata?.name ?? '',
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
  }
}
