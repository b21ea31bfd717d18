import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from '../client/api.ts'
import type { EventRecorder } from '../client/event-recorder.ts'
import type { ClusterState } from './cluster-state.ts'

export interface BinderDeps {
  client: KubeClient
  clock: Clock
  events: EventRecorder
  random: Random
  logger: Logger
  state: ClusterState
  signal: AbortSignal
}

/** What a pod was given on its node, of which nobody else gets anything from now on. */
export interface Reservation {
  /** Writes it down; the pod is bound when all of its reservations are. Rejects where that fails. */
  carryOut(deps: BinderDeps): Promise<void>
  /** The pod is bound, or is not going to be: then what was written is taken back. */
  release(deps: BinderDeps, isBound: boolean): Promise<void>
}

/** What a plug-in does for a pod that fits nowhere. */
export interface Relief {
  /** In upstream's words. */
  readonly message: string
  carryOut?(deps: BinderDeps): Promise<void>
}
