import type { Resources } from '../../runtime/api.ts'
import type { RuntimeContainer } from '../types.ts'

/** Why a container is killed: the probes have a grace period of their own. */
export type KillReason = 'livenessProbe' | 'startupProbe' | 'other'

export interface ContainerToKill {
  id: string
  name: string
  message: string
  reason: KillReason
}

/** A running container that is to have other resources. */
export interface ContainerToUpdate {
  id: string
  name: string
  resources: Resources
}

/** What must be done to bring the runtime to what the pod asks for. Containers are named in the order to start them. */
export interface PodActions {
  /** Kill every container and the sandbox. */
  killPod: boolean
  createSandbox: boolean
  /** The sandbox to start containers in, or the one that is replaced. */
  sandboxId: string | undefined
  /** Of the sandbox to create. */
  attempt: number
  kill: ContainerToKill[]
  update: ContainerToUpdate[]
  /** Everything starts over in the same sandbox, because the container of this name has ended so. */
  restartAll?: string
  ephemeral: string[]
  init: string[]
  start: string[]
}

/** Results of probes so far, by container id; undefined until there is one. */
export interface ProbeResults {
  liveness(containerId: string): boolean | undefined
  startup(containerId: string): boolean | undefined
}

/** A container in an unknown state may be running: it is killed first, so that there are never two. */
export const unknownState = ({ id, name }: RuntimeContainer, what: string): ContainerToKill => ({
  id,
  name,
  message: `${what} is in "unknown" state, try killing it before restart`,
  reason: 'other',
})
