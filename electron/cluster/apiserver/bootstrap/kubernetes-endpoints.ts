import type { Endpoints } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Core } from '../handlers/operation.ts'
import { sameJson } from '../../base/same-json.ts'
import { nameIn } from '../kinds/served-kind.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { fillSystemFields } from '../metadata/system-fields.ts'
import type { ServerAddress } from './server-records.ts'

type Deps = Pick<Core, 'kinds' | 'clock' | 'random'>

const service = { name: 'kubernetes', namespace: 'default' }

/** Where the `kubernetes` service leads: to all servers. Source: pkg/controlplane/reconcilers. */
export async function publishEndpoints(core: Deps, servers: readonly ServerAddress[]): Promise<void> {
  const groups = [...Map.groupBy(servers, ({ port }) => port)]
    .sort(([a], [b]) => a - b)
    .map(([port, members]) => ({
      ports: [{ name: 'https', port, protocol: 'TCP' as const }],
      addresses: members.map(({ address }) => address).sort(),
    }))
  const endpoints: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...service, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: groups.map(({ addresses, ports }) => ({ addresses: addresses.map((ip) => ({ ip })), ports })),
  }
  // A slice has one list of ports: servers on one machine need one each.
  const slices = groups.map(({ addresses, ports }, i): EndpointSlice => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...service,
      name: i ? `${service.name}-${ports[0]!.port}` : service.name,
      labels: { 'kubernetes.io/service-name': service.name },
    },
    addressType: addresses[0]!.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  }))
  await Promise.all([
    put(core, '', 'endpoints', endpoints),
    ...slices.map((slice) => put(core, 'discovery.k8s.io', 'endpointslices', slice)),
    removeOthers(core, slices),
  ])
}

async function put(core: Deps, group: string, plural: string, object: KubeObject): Promise<void> {
  const kind = core.kinds.resource(group, plural)
  if (!kind?.stored) return
  const { objects } = kind
  const metadata = metadataOf(object)
  const key = objects.keyOf(service.namespace, metadata.name!)
  const entry = objects.latest(key)
  const old = entry && kind.object(entry)
  if (old) Object.assign(metadata, { ...old.metadata, labels: metadata.labels })
  else fillSystemFields(metadata, core)
  if (old && sameJson(object, old)) return
  await objects.put(key, object, entry?.revision ?? 0)
}

/** Slices of servers that are gone. */
async function removeOthers(core: Deps, slices: readonly EndpointSlice[]): Promise<void> {
  const kind = core.kinds.resource('discovery.k8s.io', 'endpointslices')
  if (!kind?.stored) return
  const { objects } = kind
  const kept = new Set(slices.map(({ metadata }) => metadata!.name))
  const own = /^kubernetes-\d+$/
  const gone = objects.store
    .range(objects.prefixOf(service.namespace))
    .filter(({ key }) => own.test(nameIn(key)) && !kept.has(nameIn(key)))
  await Promise.all(gone.map((entry) => objects.remove(entry.key, entry.revision, objects.copy(entry))))
}
