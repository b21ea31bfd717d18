import type { Node, NodeStatus } from 'kubernetes-types/core/v1'
import { declarations } from '#shared/kube/declared-features.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { simulatedLabel } from '#shared/kube/simulated.ts'
import { attachedByController } from '#shared/kube/storage.ts'
import { timestamp } from '../../base/clock.ts'
import { extendedAllocatable } from '../node/extended-resources.ts'
import { healthyConditions } from '../node/node-object.ts'

export interface SimulatedNode {
  name: string
  labels?: Readonly<Record<string, string>>
}

/** Plenty, so that what is tried out on them is not their size. */
export const defaultCapacity: Readonly<Record<string, string>> = {
  cpu: '256',
  memory: '1Ti',
  'ephemeral-storage': '1Ti',
  pods: '5000',
}

export function simulatedNodeObject({ name, labels }: SimulatedNode, tainted: boolean): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        [simulatedLabel]: 'true',
        ...labels,
      },
      annotations: { [attachedByController]: 'true' },
    },
    spec: tainted ? { taints: [simulatedTaint] } : {},
  }
}

/** Keeps pods that do not ask for it from nodes where they would not run. */
export const simulatedTaint = { key: simulatedLabel, value: 'true', effect: 'NoSchedule' }

export interface SimulatedNodeFacts {
  name: string
  capacity: Readonly<Record<string, string>>
  kubeletVersion: string
  /** Its own, at which nobody answers. */
  address: string
  /** Of this machine's loopback, where requests for its pods are answered, with an explanation. */
  serverPort: number | undefined
}

export function simulatedNodeStatus(
  facts: SimulatedNodeFacts,
  before: Frozen<Node> | undefined,
  now: number,
): NodeStatus {
  const { name, capacity, kubeletVersion, address, serverPort } = facts
  const at = timestamp(now)
  return {
    capacity: { ...capacity },
    allocatable: { ...capacity, ...extendedAllocatable(before?.status) },
    conditions: healthyConditions.map((condition) => {
      const old = before?.status?.conditions?.find(({ type }) => type === condition.type)
      const since = old?.status === condition.status ? (old.lastTransitionTime ?? at) : at
      return { ...condition, lastHeartbeatTime: at, lastTransitionTime: since }
    }),
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
      // Where the API server finds the kubelet.
      { type: 'InternalDNS', address: 'localhost' },
    ],
    ...(serverPort === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: serverPort } } }),
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kernelVersion: 'simulated',
      osImage: 'simulated',
      containerRuntimeVersion: 'simulated://1.0',
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
    ...declarations,
  }
}
