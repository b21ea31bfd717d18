import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import type { ClusterEvent } from '../cluster-event.ts'
import type { Relief, Reservation } from '../reservation.ts'

/** How much of a resource is lacking. */
export interface Shortage {
  readonly resource: string
  readonly requested: number
  readonly used: number
  readonly capacity: number
}

/** Why a node will not do. */
export interface Rejection {
  /** One or more reasons, worded as kube-scheduler words them; they are counted over nodes in the event. */
  readonly reasons: readonly string[]
  /** No eviction of pods would help. */
  readonly unresolvable: boolean
  readonly missing?: readonly Shortage[]
}

/** No node will do, whichever it is: said once for all. */
export class Refusal {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What one kind of pod asks of a node. Made once for all pods of one signature. */
export interface Filter {
  /** Called for every node, so it makes nothing. */
  fits(node: NodeInfo): boolean
  /** Only of a node that does not fit. */
  why(node: NodeInfo): Rejection
  /** The answer depends on other nodes too: asked anew for every pod. */
  readonly shared?: boolean
  /** A pod came to a node or left it; also in a trial, which is taken back. */
  moved?(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void
  /** The only nodes that can fit, where the pod names them. */
  readonly nodes?: ReadonlySet<string>
  /** Takes for the pod what it needs on a node that fits and was chosen; undefined where that is nothing. */
  reserve?(node: NodeInfo): Reservation | undefined
  /** What else might let the pod fit; asked when no node does, before other pods are evicted. */
  relieve?(): Relief
  /** Goes by what the filter has found out of the nodes. */
  readonly score?: Score
}

/** How good a node is for one kind of pod. Made once for all pods of one signature. */
export interface Score {
  /** Any number; `normalize` brings the scores of all nodes into 0..100. */
  score(node: NodeInfo): number
  normalize?(scores: Float64Array, count: number): void
  /** The score depends on other nodes too: asked anew for every pod, after `begin`. */
  readonly shared?: boolean
  /** The nodes that fit. False leaves the plug-in out of this cycle. */
  begin?(fitting: readonly NodeInfo[]): boolean
  moved?(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void
}

export interface Plugin {
  readonly name: string
  /** Why the pod is not to be tried at all for now. */
  gate?(pod: PodInfo, state: ClusterState): string | undefined
  /** Undefined where the pod asks nothing of this plug-in. */
  filter?(pod: PodInfo, state: ClusterState): Filter | Refusal | undefined
  /** Undefined where the pod gives the plug-in nothing to go by: it is left out of the cycle. */
  score?(pod: PodInfo, state: ClusterState): Score | undefined
  /** Counts the score among those of other plug-ins. */
  readonly weight?: number
  /** Whether an event may let a pod fit that this plug-in rejected: its queueing hint. */
  mayHelp?(event: ClusterEvent, pod: PodInfo): boolean
}

export const rejected = (reason: string, unresolvable = false): Rejection => ({ reasons: [reason], unresolvable })

/** Scales scores so that the highest becomes 100; reversed where a low count is good. */
export function normalizeToHundred(scores: Float64Array, count: number, reverse: boolean): void {
  let highest = 0
  for (let i = 0; i < count; i++) if (scores[i]! > highest) highest = scores[i]!
  if (highest === 0) {
    if (reverse) scores.fill(100, 0, count)
    return
  }
  for (let i = 0; i < count; i++) {
    const scaled = Math.floor((100 * scores[i]!) / highest)
    scores[i] = reverse ? 100 - scaled : scaled
  }
}
