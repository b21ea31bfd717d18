import type { Node, NodeCondition, NodeStatus } from 'kubernetes-types/core/v1'
import { isDeepStrictEqual } from 'node:util'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes } from '#shared/kube/resources.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { KubeClient } from '../../client/api.ts'
import { extendedAllocatable, ownCapacity } from './extended-resources.ts'
import { nodeObject, nodeStatus, type NodeFacts } from './node-object.ts'

export interface NodeReporterDeps {
  client: KubeClient
  clock: Clock
  logger: Logger
  facts(): Promise<NodeFacts>
}

/** A changed status is told within the first of these, an unchanged one within the second. */
export const updateFrequency = 10_000
export const reportFrequency = 300_000

/** Registers the node and keeps its status up to date. Source: kubelet_node_status.go. */
export class NodeReporter implements AsyncDisposable {
  readonly #deps: NodeReporterDeps
  readonly #stop = new AbortController()
  #known: Frozen<Node> | undefined
  #reportedAt = -Infinity
  #running: Promise<void> | undefined

  constructor(deps: NodeReporterDeps) {
    this.#deps = deps
  }

  /** The node as this agent last saw or wrote it. */
  get node(): Frozen<Node> | undefined {
    return this.#known
  }

  /** The node as others have left it: what of that is the kubelet's affair is put right with the next look. */
  see(node: Frozen<Node>): void {
    this.#known = node
  }

  /** Resolves when the node is in the API and Ready. Tries until it is. */
  async register(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    for (;;) {
      try {
        await this.#report()
        break
      } catch (error) {
        logger.warn('cannot register the node; will try again', { error: (error as Error).message })
        await clock.sleep(1000, signal)
      }
    }
    this.#running = this.#run()
  }

  /** Tells of a change that cannot wait for the next look. */
  async report(): Promise<void> {
    await this.#report()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the node reporter has been stopped'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      await clock.sleep(updateFrequency, signal).catch(() => {})
      if (signal.aborted) return
      await this.#report().catch((error: Error) =>
        logger.warn('cannot report the node status', { error: error.message }),
      )
    }
  }

  async #report(): Promise<void> {
    const { client, clock, facts } = this.#deps
    const current = await facts()
    const due = clock.monotonic() - this.#reportedAt >= reportFrequency
    const own = nodeStatus(current)
    const wanted = (status: Frozen<NodeStatus> | undefined) => ({
      ...own,
      allocatable: { ...own.allocatable, ...extendedAllocatable(status) },
    })
    const known = this.#known?.status
    if (known && !due && sameStatus({ ...known, capacity: ownCapacity(known) }, wanted(known))) return
    const { status: before } = await this.#ensure(current)
    const now = timestamp(clock.now())
    const status = { ...wanted(before), conditions: timed(own.conditions ?? [], before?.conditions ?? [], now) }
    const body = { status }
    this.#known = await client.patch(nodes, { name: current.name }, 'strategic', body, { subresource: 'status' })
    this.#reportedAt = clock.monotonic()
  }

  /** The node in the API, made where it is missing, with the labels and annotations that are the kubelet's. */
  async #ensure(facts: NodeFacts): Promise<Node> {
    const { client } = this.#deps
    const wanted = nodeObject(facts)
    const found = await client.get(nodes, { name: facts.name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    if (!found) {
      return client.create(nodes, wanted).catch((error: unknown) => {
        if (isAlreadyExists(error)) return client.get(nodes, { name: facts.name })
        throw error
      })
    }
    const labels = missing(wanted.metadata?.labels, found.metadata?.labels)
    const annotations = missing(wanted.metadata?.annotations, found.metadata?.annotations)
    const podCidr = found.spec?.podCIDR ? undefined : wanted.spec
    if (!labels.length && !annotations.length && !podCidr?.podCIDR) return found
    const metadata = { labels: Object.fromEntries(labels), annotations: Object.fromEntries(annotations) }
    const patch = { metadata, ...(podCidr?.podCIDR ? { spec: podCidr } : {}) }
    return client.patch(nodes, { name: facts.name }, 'merge', patch)
  }
}

type Texts = Readonly<Record<string, string>> | undefined

const missing = (wanted: Texts, found: Texts) =>
  Object.entries(wanted ?? {}).filter(([key, value]) => found?.[key] !== value)

function timed(conditions: readonly NodeCondition[], before: readonly NodeCondition[], now: string): NodeCondition[] {
  return conditions.map((condition) => {
    const old = before.find(({ type }) => type === condition.type)
    const since = old?.status === condition.status ? (old.lastTransitionTime ?? now) : now
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since }
  })
}

/** Times aside, and without what others put into the status. */
function sameStatus(known: Frozen<NodeStatus>, wanted: Frozen<NodeStatus>): boolean {
  const plain = (conditions: readonly Frozen<NodeCondition>[] = []) =>
    conditions.map(({ type, status, reason, message }) => ({ type, status, reason, message }))
  const own = (wanted.conditions ?? []).map(({ type }) => type)
  const knownConditions = (known.conditions ?? []).filter(({ type }) => own.includes(type))
  const byType = (a: { type: string }, b: { type: string }) => (a.type < b.type ? -1 : 1)
  const keys = Object.keys(wanted).filter((key) => key !== 'conditions') as (keyof NodeStatus)[]
  return (
    keys.every((key) => isDeepStrictEqual(known[key], wanted[key])) &&
    isDeepStrictEqual(plain(knownConditions).sort(byType), plain(wanted.conditions).sort(byType))
  )
}
