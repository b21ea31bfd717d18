import type { Container, Node, Pod, Service } from 'kubernetes-types/core/v1'
import { BlockList, isIP } from 'node:net'
import { badRequest, notFound, serviceUnavailable, internal } from '#shared/kube/status.ts'
import type { ActionServices } from '../registry/kind.ts'

export interface KubeletAddress {
  host: string
  port: number
  node: string
}

const pods = { group: '', plural: 'pods' }
const defaultContainer = 'kubectl.kubernetes.io/default-container'

export function podOf(services: ActionServices, namespace: string | undefined, name: string): Pod {
  const pod = services.get<Pod>(pods, namespace, name)
  if (!pod) throw notFound(pods, name)
  return pod
}

/** Where the kubelet of the pod's node listens. Source: pkg/registry/core/pod/strategy.go. */
export function kubeletOf(services: ActionServices, pod: Pod): KubeletAddress {
  const name = pod.spec?.nodeName
  if (!name) throw badRequest(`pod ${pod.metadata!.name} does not have a host assigned`)
  return nodeAddress(services, name)
}

/** Like upstream's default, but that nobody resolves the names of nodes. */
const preferredAddresses = ['InternalDNS', 'InternalIP', 'ExternalIP', 'ExternalDNS', 'Hostname']

export function nodeAddress(services: ActionServices, name: string): KubeletAddress {
  const node = services.get<Node>({ group: '', plural: 'nodes' }, undefined, name)
  if (!node) throw notFound({ group: '', plural: 'nodes' }, name)
  const addresses = node.status?.addresses ?? []
  const found = preferredAddresses.map((type) => addresses.find((address) => address.type === type)).find(Boolean)
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port
  if (!found || !port) throw internal(`no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`)
  return { host: found.address, port, node: name }
}

/** The container that is meant, or why that cannot be said. Source: validateContainer in pkg/registry/core/pod/strategy.go. */
export function containerOf(pod: Pod, asked: string | null): string {
  const { name, annotations } = pod.metadata!
  const all = containersOf(pod)
  const exists = (wanted: string) => all.some((container) => container.name === wanted)
  if (asked) {
    if (exists(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  const main = pod.spec?.containers ?? []
  if (main.length === 1) return main[0]!.name
  const annotated = annotations?.[defaultContainer]
  if (annotated && exists(annotated)) return annotated
  const choices = [
    ` choose one of: [${listed(main)}]`,
    ...(pod.spec?.initContainers?.length
      ? [` or one of the init containers: [${listed(pod.spec.initContainers)}]`]
      : []),
    ...(pod.spec?.ephemeralContainers?.length
      ? [` or one of the ephemeral containers: [${listed(pod.spec.ephemeralContainers)}]`]
      : []),
  ]
  throw badRequest(`a container name must be specified for pod ${name},${choices.join('')}`)
}

const listed = (containers: readonly { name: string }[]): string => containers.map(({ name }) => name).join(' ')

const containersOf = ({ spec }: Pod): Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...((spec?.ephemeralContainers ?? []) as unknown as Container[]),
]

/** `name`, `name:port` or `scheme:name:port`, as proxies are addressed. */
export function splitTarget(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(':')
  if (parts.length === 1) return { scheme: '', name: text, port: '' }
  if (parts.length === 2) return { scheme: '', name: parts[0]!, port: parts[1]! }
  if (parts.length === 3 && ['', 'http', 'https'].includes(parts[0]!))
    return { scheme: parts[0]!, name: parts[1]!, port: parts[2]! }
  throw badRequest(`invalid proxy target ${JSON.stringify(text)}`)
}

export interface ProxyTarget {
  scheme: 'http' | 'https'
  host: string
  port: number
}

const withheld = new BlockList()
withheld.addSubnet('127.0.0.0', 8)
withheld.addSubnet('169.254.0.0', 16)
withheld.addSubnet('224.0.0.0', 4)
withheld.addSubnet('0.0.0.0', 32)
withheld.addAddress('::1', 'ipv6')
withheld.addAddress('::', 'ipv6')
withheld.addSubnet('fe80::', 10, 'ipv6')
withheld.addSubnet('ff00::', 8, 'ipv6')

/** Who can write an address into an object must not reach the machine's own services through the server. */
function checkAddress(address: string): string {
  if (!isIP(address) || withheld.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))
    throw badRequest('address not allowed')
  return address
}

export function podTarget(services: ActionServices, namespace: string | undefined, text: string): ProxyTarget {
  const { scheme, name, port } = splitTarget(text)
  const pod = podOf(services, namespace, name)
  const host = checkAddress(pod.status?.podIP ?? '')
  const ports = (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports)
  const number =
    port === ''
      ? (ports[0]?.containerPort ?? 80)
      : (ports.find((candidate) => candidate.name === port)?.containerPort ?? Number(port))
  return { scheme: scheme === 'https' ? 'https' : 'http', host, port: number }
}

interface Slice {
  metadata?: { labels?: Record<string, string> }
  ports?: { name?: string; port?: number }[]
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[]
}

/** Any ready endpoint of the service's port. Source: pkg/registry/core/service/storage/storage.go, ResourceLocation. */
export function serviceTarget(services: ActionServices, namespace: string | undefined, text: string): ProxyTarget {
  const { scheme, name, port } = splitTarget(text)
  const kind = { group: '', plural: 'services' }
  const service = services.get<Service>(kind, namespace, name)
  if (!service) throw notFound(kind, name)
  const ports = service.spec?.ports ?? []
  const wanted =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((candidate) => candidate.name === port || String(candidate.port) === port)
  if (!wanted && port !== '')
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`)
  if (!wanted) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`)
  const slices = services
    .list<Slice & { apiVersion?: string }>({ group: 'discovery.k8s.io', plural: 'endpointslices' }, namespace)
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
  for (const slice of slices) {
    const number = slice.ports?.find((candidate) => (candidate.name ?? '') === (wanted.name ?? ''))?.port
    const ready = slice.endpoints?.find(({ conditions }) => conditions?.ready !== false)
    const host = ready?.addresses[0]
    if (number && host) return { scheme: scheme === 'https' ? 'https' : 'http', host: checkAddress(host), port: number }
  }
  throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`)
}

export interface ServiceAddress {
  namespace: string
  name: string
  port: number
}

/** Where the server itself asks a service: one of its endpoints, or the name that an ExternalName service stands for. */
export function serviceAddress(services: ActionServices, { namespace, name, port }: ServiceAddress): ProxyTarget {
  const service = services.get<Service>({ group: '', plural: 'services' }, namespace, name)
  const { type, externalName } = service?.spec ?? {}
  if (type === 'ExternalName' && externalName) return { scheme: 'https', host: externalName, port }
  return serviceTarget(services, namespace, `https:${name}:${port}`)
}
