import type { Node } from 'kubernetes-types/core/v1'
import { isDeepStrictEqual } from 'node:util'
import { leases, nodes } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import { simulatedLabel } from '#shared/kube/simulated.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { KubeClient } from '../../client/api.ts'
import { leaseNamespace, renewLease } from '../node/lease.ts'
import type { Limiter } from './limiter.ts'
import {
  simulatedNodeObject,
  simulatedNodeStatus,
  simulatedTaint,
  type SimulatedNode,
  type SimulatedNodeFacts,
} from './simulated-node.ts'
import { nodeHeartbeat } from './stages.ts'
import type { TimerWheel } from './timer-wheel.ts'

export interface FleetNodesDeps {
  client: KubeClient
  clock: Clock
  logger: Logger
  wheel: TimerWheel
  writes: Limiter
  tainted: boolean
  facts(name: string): SimulatedNodeFacts
}

interface Kept {
  uid: string
  stop: () => void
}

/** The Node objects of a fleet, their leases and their reports. */
export class FleetNodes {
  readonly #deps: FleetNodesDeps
  readonly #kept = new Map<string, Kept>()

  constructor(deps: FleetNodesDeps) {
    this.#deps = deps
  }

  has(name: string): boolean {
    return this.#kept.has(name)
  }

  get names(): string[] {
    return [...this.#kept.keys()]
  }

  /** Registers a node and keeps it alive. */
  async add(wanted: SimulatedNode): Promise<void> {
    const { client, clock, tainted } = this.#deps
    const object = simulatedNodeObject(wanted, tainted)
    const found = await client.get(nodes, { name: wanted.name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const node = found ? await this.#adjust(found) : await client.create(nodes, object)
    const uid = node.metadata?.uid ?? ''
    await renewLease(client, { name: wanted.name, uid }, clock.now())
    await this.#report(wanted.name, node)
    this.#keepAlive(wanted.name, uid)
  }

  /** Takes a node out of the cluster. */
  async remove(name: string): Promise<void> {
    const { client } = this.#deps
    this.#kept.get(name)?.stop()
    this.#kept.delete(name)
    const ignoreAbsent = (error: unknown) => {
      if (!isNotFound(error)) throw error
    }
    await client.delete(nodes, { name }).catch(ignoreAbsent)
    await client.delete(leases, { namespace: leaseNamespace, name }).catch(ignoreAbsent)
  }

  /** Simulated nodes in the API that an earlier fleet has left. */
  async strays(): Promise<string[]> {
    const { items } = await this.#deps.client.list(nodes, { labelSelector: `${simulatedLabel}=true` })
    return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => !this.#kept.has(name))
  }

  stop(): void {
    for (const { stop } of this.#kept.values()) stop()
  }

  /** A fleet may have changed its mind about the taint since the node was made. */
  async #adjust(node: Node): Promise<Node> {
    const { client, tainted } = this.#deps
    const taints = node.spec?.taints ?? []
    const others = taints.filter(({ key }) => key !== simulatedTaint.key)
    const wanted = tainted ? [...others, simulatedTaint] : others
    if (isDeepStrictEqual(taints.map(({ key }) => key).sort(), wanted.map(({ key }) => key).sort())) return node
    return client.patch(nodes, { name: node.metadata?.name ?? '' }, 'merge', { spec: { taints: wanted } })
  }

  #keepAlive(name: string, uid: string): void {
    const { client, clock, wheel, writes, logger } = this.#deps
    let stopped = false
    let cancel = () => {}
    let reportIn = nodeHeartbeat.status
    const beat = () => {
      if (stopped) return
      reportIn -= nodeHeartbeat.lease
      const report = reportIn <= 0
      if (report) reportIn = nodeHeartbeat.status
      const work = writes.run(async () => {
        await renewLease(client, { name, uid }, clock.now())
        if (report) await this.#report(name, await client.get(nodes, { name }))
      })
      work.catch((error: Error) =>
        logger.warn('a simulated node missed a heartbeat', { node: name, error: error.message }),
      )
      cancel = wheel.after(nodeHeartbeat.lease, beat)
    }
    cancel = wheel.after(nodeHeartbeat.lease, beat)
    this.#kept.set(name, {
      uid,
      stop: () => {
        stopped = true
        cancel()
      },
    })
  }

  async #report(name: string, before: Node): Promise<void> {
    const { client, clock, facts } = this.#deps
    const status = simulatedNodeStatus(facts(name), before, clock.now())
    await client.patch(nodes, { name }, 'strategic', { status }, { subresource: 'status' })
  }
}
