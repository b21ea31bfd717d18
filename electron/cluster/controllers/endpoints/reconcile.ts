import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { endpoints as endpointsType } from '#shared/kube/resources.ts'
import { create, nothing, remove, update, type Decision } from '../framework/action.ts'
import { equal } from '../framework/support/equality.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'
import {
  addressesOf,
  hostnameIn,
  isHeadless,
  mayBeEndpoint,
  targetPort,
  triggerTime,
  type ServiceView,
} from '../framework/support/service-pods.ts'
import { compareText } from '../framework/support/order.ts'

export interface Observed {
  /** Undefined when it was deleted. */
  readonly service: ServiceView | undefined
  readonly pods: readonly PodView[]
  readonly current: Frozen<Endpoints> | undefined
}

/** The object knows no slices: more addresses than this are left out, and an annotation says so. */
const capacity = 1000
/** Milliseconds of rest per pod after a look that wrote: every change writes all addresses anew. */
const restPerPod = 1
const overCapacity = 'endpoints.kubernetes.io/over-capacity'
const triggerKey = 'endpoints.kubernetes.io/last-change-trigger-time'
const headlessLabel = 'service.kubernetes.io/headless'
export const managedByLabel = 'endpoints.kubernetes.io/managed-by'

type Subset = Frozen<EndpointSubset>

export function reconcile({ service, pods, current }: Observed): Decision {
  if (!service)
    return current ? { steps: [remove(endpointsType, current, { tolerate: (error) => error.code === 404 })] } : nothing
  if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return nothing
  const { subsets, truncated } = cut(pack(subsetsOf(service, pods)))
  const labels = labelsOf(service)
  const trigger = triggerTime(service, pods)
  if (current && equal(current.subsets, subsets) && equal(current.metadata?.labels, labels)) return nothing
  const { [triggerKey]: _, [overCapacity]: __, ...own } = current?.metadata?.annotations ?? {}
  const annotations = {
    ...own,
    ...(trigger ? { [triggerKey]: trigger } : {}),
    ...(truncated ? { [overCapacity]: 'truncated' } : {}),
  }
  const { name = '', namespace = '' } = service.metadata ?? {}
  const metadata = { ...current?.metadata, name, namespace, labels, annotations }
  const next: Frozen<Endpoints> = { ...current, metadata, subsets }
  const step = current ? update(endpointsType, next) : create(endpointsType, next)
  return { steps: [step], rest: pods.length * restPerPod }
}

function labelsOf(service: ServiceView): Readonly<Record<string, string>> {
  const { [headlessLabel]: _, ...own } = service.metadata?.labels ?? {}
  return { ...own, [managedByLabel]: 'endpoint-controller', ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) }
}

/** One subset per pod and port; `pack` makes few of many. */
function subsetsOf(service: ServiceView, pods: readonly PodView[]): Subset[] {
  const unready = Boolean(service.spec?.publishNotReadyAddresses)
  const ipv6 = service.spec?.ipFamilies?.[0] === 'IPv6'
  return pods.flatMap((pod) => {
    if (!mayBeEndpoint(pod) || (pod.metadata?.deletionTimestamp && !unready)) return []
    const ip = addressesOf(pod).find((candidate) => candidate.includes(':') === ipv6)
    if (!ip) return []
    const address = addressOf(service, pod, ip)
    const at = unready || isPodReady(pod) ? { addresses: [address] } : { notReadyAddresses: [address] }
    if (!service.spec?.ports?.length) return isHeadless(service) ? [at] : []
    return service.spec.ports.flatMap((port): Subset[] => {
      const number = targetPort(pod, port)
      if (number === undefined) return []
      const { name, protocol = 'TCP', appProtocol } = port
      const named = { ...(name ? { name } : {}), port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }
      return [{ ...at, ports: [named] }]
    })
  })
}

function addressOf(service: ServiceView, pod: PodView, ip: string): Frozen<EndpointAddress> {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  const hostname = hostnameIn(pod, service)
  const nodeName = pod.spec?.nodeName
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

/** Addresses with the same set of ports share a subset; addresses and ports in order, so that equal states look alike. */
function pack(subsets: readonly Subset[]): Subset[] {
  interface Entry {
    readonly address: Frozen<EndpointAddress>
    readonly ready: boolean
    readonly ports: Map<string, Frozen<EndpointPort>>
  }
  const byAddress = new Map<string, Entry>()
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets)
    for (const address of [...addresses, ...notReadyAddresses]) {
      const id = `${address.ip}|${address.targetRef?.uid}`
      const entry = byAddress.get(id) ?? { address, ready: addresses.length > 0, ports: new Map() }
      byAddress.set(id, entry)
      for (const port of ports) entry.ports.set(portId(port), port)
    }
  const entries = [...byAddress.values()].sort((a, b) => compareText(a.address.ip, b.address.ip))
  const groups = Map.groupBy(entries, ({ ports }) => [...ports.keys()].sort().join())
  return [...groups]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]) => {
      const ready = group.filter((entry) => entry.ready).map(({ address }) => address)
      const rest = group.filter((entry) => !entry.ready).map(({ address }) => address)
      const ports = [...group[0]!.ports].sort(([a], [b]) => compareText(a, b)).map(([, port]) => port)
      return {
        ...(ready.length ? { addresses: ready } : {}),
        ...(rest.length ? { notReadyAddresses: rest } : {}),
        ...(ports.length ? { ports } : {}),
      }
    })
}

const portId = ({ name = '', port, protocol = 'TCP' }: Frozen<EndpointPort>): string => `${name}/${port}/${protocol}`
/** Ready addresses have the first claim on the room. */
function cut(subsets: readonly Subset[]): { subsets: readonly Subset[]; truncated: boolean } {
  const count = subsets.reduce(
    (n, { addresses = [], notReadyAddresses = [] }) => n + addresses.length + notReadyAddresses.length,
    0,
  )
  if (count <= capacity) return { subsets, truncated: false }
  let room = capacity
  const take = <T>(items: readonly T[] = []): readonly T[] => {
    const taken = items.slice(0, room)
    room -= taken.length
    return taken
  }
  const ready = subsets.map(({ addresses }) => take(addresses))
  const rest = subsets.map(({ notReadyAddresses }) => take(notReadyAddresses))
  const cutSubsets = subsets.map(({ ports }, index) => ({
    ...(ready[index]!.length ? { addresses: ready[index]! } : {}),
    ...(rest[index]!.length ? { notReadyAddresses: rest[index]! } : {}),
    ...(ports ? { ports } : {}),
  }))
  return { subsets: cutSubsets.filter((subset) => subset.addresses || subset.notReadyAddresses), truncated: true }
}
