import type { KubeObject } from './object.ts'
import type { ResourceType } from './resources.ts'

/** What a container or node uses: quantities, by resource name (`cpu`, `memory`). */
export type Usage = Readonly<Record<string, string>>

/** metrics.k8s.io/v1beta1: what a pod used on average over the window that ends at the time stamp. */
export interface PodMetrics extends KubeObject {
  timestamp: string
  /** A duration as Go writes it, such as `15s`. */
  window: string
  containers: { name: string; usage: Usage }[]
}

/** metrics.k8s.io/v1beta1, of a node. */
export interface NodeMetrics extends KubeObject {
  timestamp: string
  window: string
  usage: Usage
}

const served = { group: 'metrics.k8s.io', version: 'v1beta1' }

/** Not among the resources that every cluster has: other clusters have them with metrics-server. */
export const podMetrics: ResourceType<PodMetrics> = { ...served, plural: 'pods', kind: 'PodMetrics', namespaced: true }
export const nodeMetrics: ResourceType<NodeMetrics> = {
  ...served,
  plural: 'nodes',
  kind: 'NodeMetrics',
  namespaced: false,
}
