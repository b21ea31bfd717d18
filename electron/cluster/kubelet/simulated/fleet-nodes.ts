import type { Node } from 'kubernetes-types/core/v1'
import { isDeepStrictEqual } from 'node:util'
import type { Frozen } from '#shared/kube/object.ts'
import { leases, nodes } from '#shared/kube/resources.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import { simulatedLabel } from '#shared/kube/simulated.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { startInformer, type Informer } from '../../client/informer.ts'
import { grantsExtended } from '../node/extended-resources.ts'
import { leaseNamespace, renewLease } from '../node/lease.ts'
import { internalAddress } from '../node/node-object.ts'
import { FakeAddresses } from './addresses.ts'
import { makeDeviceClass, publishDevices, withdrawDevices } from './fleet-devices.ts'
import { Limiter } from './limiter.ts'
import {
  simulatedNodeObject,
  simulatedNodeStatus,
  simulatedTaint,
  type SimulatedNode,
  type SimulatedNodeFacts,
} from './simulated-node.ts'
import { nodeHeartbeat } from './stages.ts'

export interface FleetNodesDeps {
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  tainted: boolean
  /** How many devices each of them pretends to have. */
  devices: number
  facts: Omit<SimulatedNodeFacts, 'name' | 'address'>
}

interface Kept {
  readonly name: string
  readonly uid: string
  /** By the monotonic clock: when its next report is due. */
  reportAt: number
  /** A sign of life of it is under way: a slow server is not asked twice. */
  busy: boolean
}

/** Signs of life are sent in bursts, so that those of one burst share commits: milliseconds from one to the next. */
const burst = 1000
/** As many of them are under way at a time. They have a limit of their own: nodes must not fall silent because pods are many. */
const concurrentBeats = 64
/** Reports are larger and may wait: those of nodes that are found at the start come within so many milliseconds. */
const spread = 60_000
const concurrentReports = 4

/** The Node objects of a fleet, their leases and their reports. */
export class FleetNodes {
  readonly #deps: FleetNodesDeps
  readonly #kept = new Map<string, Kept>()
  readonly #addresses = new FakeAddresses('nodes')
  readonly #addressOf = new Map<string, string>()
  /** Whose turn it is to give a sign of life, in order; begun anew when all have had theirs. */
  #turns: Kept[] = []
  /** Signs that are due by now: of a small fleet less than one a burst. */
  #owed = 0
  readonly #beats = new Limiter(concurrentBeats)
  readonly #reports = new Limiter(concurrentReports)
  #cancel = (): void => {}
  #watched: Informer<Node> | undefined

  constructor(deps: FleetNodesDeps) {
    this.#deps = deps
    this.#cancel = deps.clock.after(burst, () => this.#beat())
  }

  has(name: string): boolean {
    return this.#kept.has(name)
  }

  /** A node's own. */
  address(name: string): string {
    const known = this.#addressOf.get(name)
    if (known !== undefined) return known
    const taken = this.#addresses.take()
    this.#addressOf.set(name, taken)
    return taken
  }

  get names(): string[] {
    return [...this.#kept.keys()]
  }

  /** What there is of devices beside the nodes. */
  async prepare(): Promise<void> {
    const { client, devices } = this.#deps
    await (devices ? makeDeviceClass(client) : withdrawDevices(client))
  }

  /** Registers a node and keeps it alive. `found`: as it is in the API already. */
  async add(wanted: SimulatedNode, found: Node | undefined): Promise<void> {
    const { client, clock, random, tainted, devices } = this.#deps
    const object = simulatedNodeObject(wanted, tainted)
    const register = () =>
      client.create(nodes, object).catch(async (error: unknown) => {
        if (!isAlreadyExists(error)) throw error
        return this.#adjust(await client.get(nodes, { name: wanted.name }))
      })
    const node = found ? await this.#adjust(found) : await register()
    const uid = node.metadata?.uid ?? ''
    await renewLease(client, { name: wanted.name, uid }, clock.now())
    if (devices) await publishDevices(client, { name: wanted.name, uid }, devices)
    // One that is known needs its lease before others are taken for dead; its report follows when its turn comes.
    if (!found) await this.#report(wanted.name, node)
    const reportAt = clock.monotonic() + (found ? random.next() * spread : nodeHeartbeat.status)
    this.#kept.set(wanted.name, { name: wanted.name, uid, reportAt, busy: false })
  }

  /** Nodes that others call unready, or give a resource, are reported again at once: a kubelet would see it soon. */
  watch(): void {
    this.#watched = startInformer(this.#deps, nodes, { labelSelector: `${simulatedLabel}=true` })
    const look = (node: Frozen<Node>) => {
      const kept = this.#kept.get(node.metadata?.name ?? '')
      if (kept && (isCalledUnready(node) || !grantsExtended(node.status))) this.#giveSign(kept, true)
    }
    this.#watched.handle({ add: look, update: look })
  }

  /** Takes a node out of the cluster. */
  async remove(name: string): Promise<void> {
    const { client } = this.#deps
    this.#kept.delete(name)
    this.#addresses.release(this.address(name))
    this.#addressOf.delete(name)
    const ignoreAbsent = (error: unknown) => {
      if (!isNotFound(error)) throw error
    }
    await client.delete(nodes, { name }).catch(ignoreAbsent)
    await client.delete(leases, { namespace: leaseNamespace, name }).catch(ignoreAbsent)
  }

  /** Simulated nodes that are in the API, an earlier fleet's too, by name; they keep their addresses. */
  async registered(): Promise<ReadonlyMap<string, Node>> {
    const { items } = await this.#deps.client.list(nodes, { labelSelector: `${simulatedLabel}=true` })
    for (const { metadata, status } of items) {
      const address = internalAddress(status?.addresses ?? [])
      if (this.#addresses.keep(address)) this.#addressOf.set(metadata?.name ?? '', address)
    }
    return new Map(items.map((node) => [node.metadata?.name ?? '', node]))
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.#beats.clear()
    this.#reports.clear()
    await this.#watched?.[Symbol.asyncDispose]()
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

  #beat(): void {
    this.#cancel = this.#deps.clock.after(burst, () => this.#beat())
    this.#owed += (this.#kept.size * burst) / nodeHeartbeat.lease
    for (; this.#owed >= 1; this.#owed--) {
      if (!this.#turns.length) this.#turns = [...this.#kept.values()]
      const next = this.#turns.pop()
      if (next && this.#kept.get(next.name) === next)
        this.#giveSign(next, this.#deps.clock.monotonic() >= next.reportAt)
    }
  }

  #giveSign(node: Kept, report: boolean): void {
    if (node.busy) return
    node.busy = true
    const { client, clock, logger } = this.#deps
    const { name, uid } = node
    const missed = (error: Error) =>
      logger.warn('a simulated node missed a heartbeat', { node: name, error: error.message })
    void this.#beats
      .run(() => renewLease(client, { name, uid }, clock.now()))
      .catch(missed)
      .finally(() => (node.busy = false))
    if (!report) return
    node.reportAt = clock.monotonic() + nodeHeartbeat.status
    void this.#reports.run(() => this.#report(name, this.#watched?.lister.get(name))).catch(missed)
  }

  async #report(name: string, before: Frozen<Node> | undefined): Promise<void> {
    const { client, clock, facts } = this.#deps
    const status = simulatedNodeStatus({ ...facts, name, address: this.address(name) }, before, clock.now())
    await client.patch(nodes, { name }, 'strategic', { status }, { subresource: 'status', unread: true })
  }
}

/** One that has never reported is called nothing. */
function isCalledUnready({ status }: Frozen<Node>): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready !== undefined && ready.status !== 'True'
}
