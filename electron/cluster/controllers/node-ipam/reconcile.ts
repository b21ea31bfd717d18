import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { nodes } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, objectKey, patch, type Decision, type EventAction, type Step } from '../framework/action.ts'

export interface Observed {
  /** Nodes without a range. */
  readonly waiting: readonly Frozen<Node>[]
  /** Uids of those that have been told that there is none. */
  readonly told: ReadonlySet<string>
  /** Ranges that nodes have. */
  readonly used: ReadonlySet<string>
  /** The range of all pods, such as 10.244.0.0/16. */
  readonly cluster: string
}

/** The size of each node's range. */
const nodeMask = 24
export interface Ranges extends Decision {
  /** Names of nodes for which there is no range left, and what they are told if they have not been. */
  readonly without: readonly string[]
  readonly refused: readonly EventAction[]
}

/** Gives each node without one the lowest free range for its pods. All nodes in one decision: none is given twice. */
export function reconcile({ waiting, told, used, cluster }: Observed): Ranges {
  const free = freeRanges(cluster, used)
  const assigned: Step[] = []
  const without: Frozen<Node>[] = []
  for (const node of waiting) {
    const range = free.next()
    if (range.done) without.push(node)
    else assigned.push(assign(node, range.value))
  }
  const refused = without.filter(({ metadata }) => !told.has(metadata?.uid ?? '')).map(unavailable)
  return {
    steps: [...assigned, ...refused],
    refused,
    without: without.map(({ metadata }) => metadata?.name ?? ''),
  }
}

function assign(node: Frozen<Node>, podCIDR: string): Step {
  const body = { spec: { podCIDR, podCIDRs: [podCIDR] } }
  return patch(nodes, objectKey(node as KubeObject), 'strategic', body, { tolerate: (error) => error.code === 404 })
}

function unavailable(node: Frozen<Node>): EventAction {
  const message = `Node ${node.metadata?.name} status is now: CIDRNotAvailable`
  return event(referenceTo(nodes, node), 'Normal', 'CIDRNotAvailable', message)
}

function* freeRanges(cluster: string, used: ReadonlySet<string>): Generator<string, void> {
  const [address = '', mask = ''] = cluster.split('/')
  const start = address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
  for (let index = 0; index < 2 ** (nodeMask - Number(mask)); index++) {
    const base = start + index * 2 ** (32 - nodeMask)
    const range = `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')}/${nodeMask}`
    if (!used.has(range)) yield range
  }
}
