import type { ContainerConfig, ContainerStatus, SandboxConfig } from '../api.ts'
import type { ContainerRun } from './shim/protocol.ts'

/** `sandbox.json`: what a new agent needs to know of a pod that an earlier one started. */
export interface SandboxRecord {
  id: string
  config: SandboxConfig
  ip: string
  /** Network namespace to join; undefined: the host's. */
  namespace?: string
  reportSocket?: string
  /** Its shim has an IPC namespace of the pod's, which containers inherit; absent: each has its own, or the host's. */
  sharesIpc?: boolean
  /** Where on the machine lies what its containers share as /dev/shm. */
  memory?: string
  /** Path of the pid namespace that its containers share. */
  processes?: string
  socket: string
  createdAt: number
  /** The pod was stopped: its network is gone and nothing starts in it again. */
  stopped: boolean
}

/** `<container>.json` beside it. */
export interface ContainerRecord {
  id: string
  sandboxId: string
  config: ContainerConfig
  imageId: string
  /** Written out, and by its registry's digest; of images that have a registry. */
  imageName?: string
  imageRef?: string
  createdAt: number
  logPath: string
  /** There is a filter of its system calls. */
  filtered?: boolean
  /** Since it was started. */
  user?: NonNullable<ContainerStatus['user']>
}

/** Ids of all images that a container needs: its own, and those that are mounted in it. */
export const imagesOf = ({ imageId, config }: ContainerRecord): string[] => [
  imageId,
  ...config.mounts.flatMap(({ image }) => image?.id ?? []),
]

/** The last word on a container whose shim has died without recording an exit: containerd's code and reason for it. */
export const lostRun = (run: ContainerRun, now: number): ContainerRun => ({
  ...run,
  state: 'exited',
  finishedAt: now,
  exitCode: 255,
  reason: 'Unknown',
  message: "the pod's shim ended and its processes with it",
})
