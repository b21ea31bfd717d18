import type { ContainerCreateOptions } from 'dockerode'
import type { SandboxConfig } from '../api.ts'
import { limitsOf } from './resources.ts'
import { kindLabel, nodeLabel, podLabel, sandboxLabel } from './labels.ts'

export interface SandboxPlace {
  node: string
  /** Chosen by us: the name under which containers join it. */
  id: string
  pauseImage: string
  leastOomScore: number
  /** Control group that the pod's containers are made in; undefined: as the engine chooses. */
  cgroupParent: string | undefined
  /** The engine's own network that the pod has this address in; absent: it is given one of ours. */
  published?: { network: string; ip: string }
}

/** A pod's namespaces are the last to go when memory is short. Source: kubelet's qos policy. */
const pauseScore = -998

/** The container that holds a pod's namespaces. */
export function sandboxRequest(config: SandboxConfig, place: SandboxPlace): ContainerCreateOptions {
  const { hostNetwork, hostIpc, portMappings } = config
  const { published, cgroupParent } = place
  const networkMode = hostNetwork ? 'host' : (published?.network ?? 'none')
  const isOwn = !hostNetwork && published
  return {
    name: sandboxName(place.id),
    Image: place.pauseImage,
    // It heeds no other, being the first process of its namespace.
    StopSignal: 'SIGKILL',
    Labels: {
      ...config.labels,
      [kindLabel]: 'sandbox',
      [nodeLabel]: place.node,
      [sandboxLabel]: place.id,
      [podLabel]: JSON.stringify(config),
    },
    ...(hostNetwork ? {} : { Hostname: config.hostname }),
    ...(isOwn
      ? {
          ExposedPorts: Object.fromEntries(portMappings.map((mapping) => [portKey(mapping), {}])),
          NetworkingConfig: {
            EndpointsConfig: { [published.network]: { IPAMConfig: { IPv4Address: published.ip } } },
          },
        }
      : {}),
    HostConfig: {
      NetworkMode: networkMode,
      IpcMode: hostIpc ? 'host' : 'shareable',
      Sysctls: { ...config.sysctls },
      OomScoreAdj: Math.max(pauseScore, place.leastOomScore),
      LogConfig: { Type: 'none', Config: {} },
      ...limitsOf({}),
      ...(cgroupParent === undefined ? {} : { CgroupParent: cgroupParent }),
      ...(isOwn ? { PortBindings: portBindings(portMappings) } : {}),
    },
  }
}

export const sandboxName = (id: string): string => `wheelhouse-${id}`

const portKey = ({ containerPort, protocol }: SandboxConfig['portMappings'][number]): string =>
  `${containerPort}/${protocol.toLowerCase()}`

/** Every port of the pod is to be had on this machine's loopback; host ports where they are asked for besides. */
function portBindings(mappings: SandboxConfig['portMappings']): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const mapping of mappings) {
    const { hostPort, hostIp = '127.0.0.1' } = mapping
    const places = (bindings[portKey(mapping)] ??= [{ HostIp: '127.0.0.1', HostPort: '0' }])
    if (hostPort) places.push({ HostIp: hostIp, HostPort: String(hostPort) })
  }
  return bindings
}
