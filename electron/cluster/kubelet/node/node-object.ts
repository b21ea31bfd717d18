import type { Node, NodeCondition, NodeStatus } from 'kubernetes-types/core/v1'
import { declarations } from '#shared/kube/declared-features.ts'
import { attachedByController, volumesDirectory } from '#shared/kube/storage.ts'
import type { ImageStatus, Runtime } from '../../runtime/api.ts'
import type { Machine } from './machine.ts'

export interface NodeFacts {
  name: string
  machine: Machine
  addresses: readonly { type: string; address: string }[]
  /** Where the kubelet's server listens. */
  port: number
  runtimeVersion: string
  kubeletVersion: string
  /** What the runtime and the network do not isolate, one sentence each. */
  limits: readonly string[]
  /** See Runtime. */
  features?: NonNullable<Runtime['features']>
  recursiveReadOnly?: boolean
  images: readonly ImageStatus[]
  /** Why no pod can be run. */
  problem?: string
  labels?: Readonly<Record<string, string>>
  /** Where volumes of our own provisioner lie. */
  volumesDirectory: string
  podCidr?: string | undefined
  maxPods: number
  /** Of what the machine is short. */
  pressure?: readonly string[]
}

/** Where a node is reached. */
export const internalAddress = (addresses: NodeFacts['addresses']): string =>
  addresses.find(({ type }) => type === 'InternalIP')?.address ?? '127.0.0.1'

/** Kept back from pods, so that the machine stays usable (upstream's default eviction threshold for memory). */
const reservedMemory = 100 * 1024 * 1024
const reservedStorageShare = 0.1
/** As many images are listed in a node's status. */
const listedImages = 50
/** And of one image so many names. */
const listedNames = 5

export function nodeObject(facts: NodeFacts): Node {
  const { name, machine, podCidr } = facts
  const { operatingSystem, architecture } = machine
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': architecture,
        'beta.kubernetes.io/os': operatingSystem,
        'kubernetes.io/arch': architecture,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': operatingSystem,
        ...facts.labels,
      },
      annotations: { [volumesDirectory]: facts.volumesDirectory, [attachedByController]: 'true' },
    },
    spec: podCidr ? { podCIDR: podCidr, podCIDRs: [podCidr] } : {},
  }
}

/** The kubelet's part of a node's status, without the times of its conditions. */
export function nodeStatus(facts: NodeFacts): NodeStatus {
  const { machine, runtimeVersion, kubeletVersion } = facts
  const capacity = {
    cpu: String(machine.cpus),
    'ephemeral-storage': `${Math.floor(machine.storageBytes / 1024)}Ki`,
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(facts.maxPods),
  }
  const images = facts.images
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, listedImages)
    .map(({ tags, digests = [], sizeBytes }) => ({ names: [...digests, ...tags].slice(0, listedNames), sizeBytes }))
  return {
    capacity,
    allocatable: {
      ...capacity,
      'ephemeral-storage': String(Math.floor(machine.storageBytes * (1 - reservedStorageShare))),
      memory: `${Math.floor((machine.memoryBytes - reservedMemory) / 1024)}Ki`,
    },
    conditions: conditions(facts.limits, facts.pressure ?? [], facts.problem),
    addresses: facts.addresses.map((address) => ({ ...address })),
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.machineId,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: runtimeVersion,
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
    },
    ...(facts.recursiveReadOnly
      ? { runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: true } }] }
      : {}),
    ...(facts.features ? { features: { ...facts.features } } : {}),
    ...declarations,
    ...(images.length ? { images } : {}),
  }
}

export const healthyConditions: readonly Omit<NodeCondition, 'lastHeartbeatTime'>[] = [
  {
    type: 'MemoryPressure',
    status: 'False',
    reason: 'KubeletHasSufficientMemory',
    message: 'kubelet has sufficient memory available',
  },
  {
    type: 'DiskPressure',
    status: 'False',
    reason: 'KubeletHasNoDiskPressure',
    message: 'kubelet has no disk pressure',
  },
  {
    type: 'PIDPressure',
    status: 'False',
    reason: 'KubeletHasSufficientPID',
    message: 'kubelet has sufficient PID available',
  },
  { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
]

/** Says honestly what this machine does not isolate. */
export const isolationCondition = 'wheelhouse.dev/FullyIsolated'

const pressing: Record<string, { reason: string; message: string }> = {
  MemoryPressure: {
    reason: 'KubeletHasInsufficientMemory',
    message: 'kubelet has insufficient memory available',
  },
  DiskPressure: { reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' },
}

function conditions(
  limits: readonly string[],
  pressure: readonly string[],
  problem: string | undefined,
): NodeCondition[] {
  const isolation = limits.length
    ? { status: 'False', reason: 'PartlyIsolated', message: limits.join(' ') }
    : { status: 'True', reason: 'FullyIsolated', message: 'containers are isolated from the host and from each other' }
  const own = healthyConditions.map((condition) => {
    const { type } = condition
    if (type === 'Ready' && problem !== undefined)
      return { type, status: 'False', reason: 'KubeletNotReady', message: problem }
    return pressure.includes(type) ? { type, status: 'True', ...pressing[type] } : { ...condition }
  })
  return [{ type: isolationCondition, ...isolation }, ...own]
}
