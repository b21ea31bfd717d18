import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Disposer } from '../../base/dispose.ts'
import type { Logger } from '../../base/logger.ts'
import type { GuardedPodNetwork } from '../../network/api.ts'
import { networkHash } from '../../network/pod-network/names.ts'
import type { Runtime } from '../api.ts'
import { stopPods } from '../stop-pods.ts'
import { cniName, openCni } from './cni.ts'
import { createCriRuntime } from './runtime.ts'

export interface CriNodeDeps {
  clock: Clock
  logger: Logger
  /** Path of the runtime's socket. */
  socket: string
  /** Tells the node from every other on the machine. */
  node: string
  directory: string
  network: GuardedPodNetwork
}

/**
 * The runtime of one node, with the network that its pods have. Disposing stops its pods, as those of other nodes end
 * with their cluster; what they were stays in the runtime for the next start. An agent that is killed leaves them alone.
 */
export async function openCriNode(deps: CriNodeDeps): Promise<Runtime> {
  const { clock, logger, socket, node, directory, network } = deps
  const owned = new Disposer()
  try {
    const cni = owned.own(
      await openCni({
        clock,
        socket,
        name: cniName(networkHash(node)),
        podCidr: network.podCidr,
        directory: path.join(directory, 'addresses'),
      }),
    )
    const runtime = owned.own(
      await createCriRuntime({
        clock,
        logger,
        socket,
        node,
        directory: path.join(directory, 'pods'),
        network,
        limits: [...network.limits, ...cni.limits],
      }),
    )
    owned.defer(() => stopPods(runtime, logger))
    return { ...runtime, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() }
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}
