import { keyOf } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { simulatedLabel } from '#shared/kube/simulated.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { statusPatch, withTransitionTimes } from '../status/merge.ts'
import { uidOf, type Pod } from '../types.ts'
import { FakeAddresses } from './addresses.ts'
import { FleetNodes } from './fleet-nodes.ts'
import { Limiter } from './limiter.ts'
import { watchPods } from './pod-watch.ts'
import { defaultCapacity, type SimulatedNode } from './simulated-node.ts'
import { simulatedStatus } from './simulated-status.ts'
import { podStages, stageOf, type PodStage } from './stages.ts'
import { TimerWheel } from './timer-wheel.ts'

export interface FleetDeps {
  /** May read and write all nodes, leases and pods. */
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  nodes: readonly SimulatedNode[]
  /**
   * Whether pods must ask for simulated nodes by a toleration: true where there are real nodes beside them, so that
   * what people deploy really runs; false where there is nothing else to run it.
   */
  tainted: boolean
  capacity?: Readonly<Record<string, string>>
  /** How many devices each node pretends to have. Default: none. */
  devices?: number
  stages?: readonly PodStage[]
  kubeletVersion: string
  /** Of loopback, where requests for its pods are answered. */
  serverPort?: number
}

export interface Fleet extends AsyncDisposable {
  readonly nodes: readonly string[]
  /** Makes the fleet one of exactly these nodes. */
  resize(nodes: readonly SimulatedNode[]): Promise<void>
  /** Why nothing can be asked of a pod of this fleet; undefined for other pods. */
  refusal(namespace: string, name: string): string | undefined
}

const nothing = (): void => {}
/** As many writes to pods are under way at a time. */
const concurrentWrites = 32
const retryDelay = 1000

interface SimulatedPod {
  uid: string
  node: string
  ip: string
  /** The stage it is about to enter. */
  stage: PodStage | undefined
  cancel: () => void
}

/** Where requests for simulated nodes were answered the last time; undefined where there are none. */
export async function earlierPort(client: KubeClient): Promise<number | undefined> {
  const { items } = await client.list(nodes, { labelSelector: `${simulatedLabel}=true`, limit: 1 })
  return items[0]?.status?.daemonEndpoints?.kubeletEndpoint?.Port
}

/** Thousands of nodes and their pods, in the API alone: one watch, one timer, a few writes at a time. */
export async function startFleet(deps: FleetDeps, signal: AbortSignal): Promise<Fleet> {
  const fleet = new RunningFleet(deps)
  try {
    await fleet.prepare()
    await fleet.resize(deps.nodes)
    await fleet.watch(signal)
    return fleet
  } catch (error) {
    await fleet[Symbol.asyncDispose]()
    throw error
  }
}

class RunningFleet implements Fleet {
  readonly #deps: FleetDeps
  readonly #wheel: TimerWheel
  readonly #writes = new Limiter(concurrentWrites)
  readonly #nodes: FleetNodes
  readonly #pods = new Map<string, SimulatedPod>()
  readonly #addresses = new FakeAddresses('pods')
  readonly #stop = new AbortController()
  #watching: Promise<void> | undefined

  constructor(deps: FleetDeps) {
    this.#deps = deps
    const { client, clock, random, logger, tainted, kubeletVersion, serverPort } = deps
    this.#wheel = new TimerWheel(clock)
    const facts = { capacity: deps.capacity ?? defaultCapacity, kubeletVersion, serverPort }
    this.#nodes = new FleetNodes({ client, clock, random, logger, tainted, devices: deps.devices ?? 0, facts })
  }

  get nodes(): readonly string[] {
    return this.#nodes.names
  }

  prepare(): Promise<void> {
    return this.#nodes.prepare()
  }

  async resize(wanted: readonly SimulatedNode[]): Promise<void> {
    const names = new Set(wanted.map(({ name }) => name))
    const registered = await this.#nodes.registered()
    const fresh = wanted.filter(({ name }) => !this.#nodes.has(name))
    await Promise.all(fresh.map((node) => this.#writes.run(() => this.#nodes.add(node, registered.get(node.name)))))
    const surplus = new Set([...this.#nodes.names, ...registered.keys()].filter((name) => !names.has(name)))
    await Promise.all([...surplus].map((name) => this.#writes.run(() => this.#nodes.remove(name))))
    // The pods of a node that is gone go with it: there is nobody else to end them.
    for (const [key, { node, uid }] of this.#pods)
      if (surplus.has(node)) void this.#write(key, () => this.#remove(key, uid))
  }

  refusal(namespace: string, name: string): string | undefined {
    const pod = this.#pods.get(`${namespace}/${name}`)
    if (!pod) return undefined
    return `pod ${namespace}/${name} is on the simulated node ${pod.node} and has no containers, so there are no logs and no commands`
  }

  /** Resolves when all pods there are have been seen. */
  async watch(signal: AbortSignal): Promise<void> {
    const { client, clock, random, logger } = this.#deps
    const { promise, resolve } = Promise.withResolvers<void>()
    const hooks = {
      seen: (pod: Pod) => this.#see(pod),
      gone: (key: string) => this.#forget(key),
      known: () => this.#pods.keys(),
    }
    this.#nodes.watch()
    this.#watching = watchPods({ client, clock, random, logger, ...hooks }, this.#stop.signal, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    signal.throwIfAborted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the fleet has been stopped'))
    this.#wheel.stop()
    this.#writes.clear()
    await Promise.all([this.#nodes.stop(), this.#watching])
  }

  #see(pod: Pod): void {
    const node = pod.spec?.nodeName ?? ''
    if (!this.#nodes.has(node)) return
    const key = keyOf(pod)
    const known = this.#pods.get(key)
    if (known && known.uid !== uidOf(pod)) this.#forget(key)
    const record = this.#pods.get(key) ?? this.#remember(key, pod, node)
    const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller)?.kind
    const facts = {
      deleted: Boolean(pod.metadata?.deletionTimestamp),
      phase: pod.status?.phase ?? 'Pending',
      ready: pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
      owner,
    }
    const stage = stageOf(facts, this.#deps.stages ?? podStages)
    if (stage === record.stage) return
    record.cancel()
    record.stage = stage
    if (!stage) return
    const { from, to } = stage.delay
    const delay = from + this.#deps.random.next() * (to - from)
    record.cancel = this.#wheel.after(delay, () => {
      // What is kept of a pod must not keep the pod.
      record.cancel = nothing
      void this.#write(key, () => this.#enter(key, record, pod, stage))
    })
  }

  #remember(key: string, pod: Pod, node: string): SimulatedPod {
    const ip = pod.status?.podIP ?? ''
    if (ip) this.#addresses.keep(ip)
    const record: SimulatedPod = { uid: uidOf(pod), node, ip, stage: undefined, cancel: nothing }
    this.#pods.set(key, record)
    return record
  }

  #forget(key: string): void {
    const record = this.#pods.get(key)
    if (!record) return
    record.cancel()
    if (record.ip) this.#addresses.release(record.ip)
    this.#pods.delete(key)
  }

  async #enter(key: string, record: SimulatedPod, pod: Pod, { next }: PodStage): Promise<void> {
    if (this.#pods.get(key) !== record) return
    if (next === 'remove') return this.#remove(key, record.uid)
    const { client, clock } = this.#deps
    record.ip ||= pod.spec?.hostNetwork ? '' : this.#addresses.take()
    const now = clock.now()
    const before = pod.status ?? {}
    const status = simulatedStatus(pod, next, record.ip, this.#nodes.address(record.node), now)
    const patch = statusPatch(before, withTransitionTimes(status, before, timestamp(now)))
    const { namespace, name = '' } = pod.metadata ?? {}
    const body = { metadata: { uid: record.uid }, status: patch }
    await client.patch(pods, { namespace, name }, 'strategic', body, { subresource: 'status', unread: true })
  }

  async #remove(key: string, uid: string): Promise<void> {
    const [namespace, name = ''] = key.split('/')
    await this.#deps.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
  }

  /** Tries until it succeeds or the pod is another one or none. */
  async #write(key: string, task: () => Promise<void>): Promise<void> {
    try {
      await this.#writes.run(task)
    } catch (error) {
      if (isNotFound(error) || this.#stop.signal.aborted) return
      if (error instanceof StatusError && error.code < 500 && error.code !== 429) {
        this.#deps.logger.warn('a simulated pod could not be written', { pod: key, error: error.message })
        return
      }
      this.#wheel.after(retryDelay, () => void this.#write(key, task))
    }
  }
}
