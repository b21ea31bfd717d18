import type { Lease } from 'kubernetes-types/coordination/v1'
import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { findCondition } from '../framework/support/conditions.ts'

/** When each node was last heard of, by our own monotonic clock: the clocks of nodes may be wrong. */
export class NodeHealth {
  readonly #heard = new Map<string, { at: number; heartbeat: string | undefined; renewal: string | undefined }>()

  /** A node's status was seen; it counts as a sign of life when its heartbeat moved. */
  status(node: Frozen<Node>, now: number): void {
    const name = node.metadata?.name ?? ''
    const heartbeat = findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime
    const known = this.#heard.get(name)
    if (!known || known.heartbeat !== heartbeat) this.#heard.set(name, { at: now, heartbeat, renewal: known?.renewal })
  }

  /** A node's lease was seen; renewing it is a sign of life. */
  lease(lease: Frozen<Lease>, now: number): void {
    const name = lease.metadata?.name ?? ''
    const renewal = lease.spec?.renewTime
    const known = this.#heard.get(name)
    if (known?.renewal !== renewal) this.#heard.set(name, { at: now, heartbeat: known?.heartbeat, renewal })
  }

  forget(name: string): void {
    this.#heard.delete(name)
  }

  /** By the monotonic clock; undefined for a node that never gave a sign of life. */
  heard(name: string): number | undefined {
    return this.#heard.get(name)?.at
  }
}
