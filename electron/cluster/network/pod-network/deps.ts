import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Locate } from '../api.ts'

export interface PodNetworkDeps {
  clock: Clock
  logger: Logger
  /** This node's range; see `pickFreePodRange`. */
  podCidr: string
  /** The range of all nodes' pods, between which addresses are not translated; default: podCidr. */
  clusterCidr?: string
  /** Tells this node of this cluster from every other on the machine, and stays the same over restarts. */
  clusterId: string
  /** Where the addresses given out are kept for the next agent. */
  directory: string
  /** For the mapped driver's socket: a short path. */
  runDirectory: string
  /** Default: bridge where this machine allows it, else mapped. */
  driver?: 'bridge' | 'mapped'
  /** Why a mapped driver was asked for; default: it was chosen. */
  why?: string
  /** Mapped driver: where addresses of the whole cluster are; asked when a pod's program connects. Default: this node's. */
  locate?: Locate
}
