import { mkdir } from 'node:fs/promises'
import type { Lister } from '../client/cache.ts'
import type { KubeClient } from '../client/api.ts'
import { ApiEventRecorder, referenceTo } from '../client/event-recorder.ts'
import { startInformer } from '../client/informer.ts'
import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { ImageStatus, Runtime } from '../runtime/api.ts'
import { nodes, pods, runtimeClasses, services } from '#shared/kube/resources.ts'
import { Allocations } from './allocation/allocations.ts'
import type { ClusterDns } from './containers/sandbox-config.ts'
import { KeyedBackoff } from '../base/keyed-backoff.ts'
import { prepareDevices } from './devices/prepare-devices.ts'
import { NodeDirectories } from './directories.ts'
import type { EnvironmentInput } from './environment/environment.ts'
import { serviceVariables, visibleServices } from './environment/services.ts'
import { ImageGarbage } from './images/image-garbage.ts'
import { ImageManager } from './images/image-manager.ts'
import type { PullRecords } from './images/pull-records.ts'
import { startHeartbeat } from './node/heartbeat.ts'
import { readMachine } from './node/machine.ts'
import { internalAddress } from './node/node-object.ts'
import { NodeReporter } from './node/node-reporter.ts'
import { Inspector } from './pods/inspector.ts'
import { PodEvents } from './pods/pod-events.ts'
import { PodManager } from './pods/pod-manager.ts'
import { NodePressure } from './pressure/node-pressure.ts'
import { readSignals, type Signals } from './pressure/signals.ts'
import { ProbeManager } from './probes/probe-manager.ts'
import { referencesOf } from './references/collect.ts'
import { ReferencedObjects } from './references/referenced-objects.ts'
import type { ServedNode } from './server/host.ts'
import { DiskUsage, type PodDiskUsage } from './storage/disk-usage.ts'
import { watchLocalStorage } from './storage/local-storage.ts'
import { rotateLogs } from './storage/log-rotation.ts'
import type { ShutdownGrace } from './shutdown/graces.ts'
import { shutDown, shutdownProblem, shutdownRejection } from './shutdown/shut-down.ts'
import { isMirror } from './static-pods/manifest.ts'
import { StaticPods } from './static-pods/static-pods.ts'
import { StatusManager } from './status/status-manager.ts'
import type { ConfigMap, Container, Node, Pod, PodRuntime, PodStatus, Secret, Service } from './types.ts'
import { unmountBelow } from './volumes/empty-dir.ts'
import { TokenManager } from './volumes/token-manager.ts'
import { VolumeManager } from './volumes/volume-manager.ts'

export interface KubeletDeps {
  name: string
  /** With the identity of this node, system:node:<name>. */
  client: KubeClient
  runtime: Runtime
  /** Of the runtime's images: nodes that share those share it. */
  pullRecords: PullRecords
  clock: Clock
  random: Random
  logger: Logger
  /** The node's own: pods, volumes, logs. */
  directory: string
  addresses: readonly { type: string; address: string }[]
  /** Of the HTTPS server. */
  port: number
  podCidr?: string
  labels?: Readonly<Record<string, string>>
  /** What the network does not isolate, besides what the runtime says of itself. */
  limits?: readonly string[]
  dns: ClusterDns
  kubeletVersion: string
  maxPods?: number
  /** How much of the machine is left; by default as the system tells. */
  signals?: () => Promise<Signals>
}

/** The agent of one node: registers it, runs its pods, and can be asked about them. */
export class Kubelet implements ServedNode, AsyncDisposable {
  readonly name: string
  readonly runtime: Runtime
  readonly #owned: Disposer
  readonly #pods: PodManager
  readonly #status: StatusManager
  readonly #inspector: Inspector
  readonly #parts: Parts

  private constructor(parts: Parts, owned: Disposer) {
    this.#parts = parts
    this.name = parts.deps.name
    this.runtime = parts.deps.runtime
    this.#owned = owned
    this.#pods = parts.pods
    this.#status = parts.status
    this.#inspector = parts.inspector
  }

  /** Resolves when the node is registered and its pods have been taken over. Running containers are left alone. */
  static async start(deps: KubeletDeps, signal: AbortSignal): Promise<Kubelet> {
    const owned = new Disposer()
    try {
      return await startParts(deps, owned, signal, (parts) => new Kubelet(parts, owned))
    } catch (error) {
      await owned[Symbol.asyncDispose]()
      throw error
    }
  }

  get pods(): readonly Pod[] {
    return this.#pods.pods.map((pod) => ({ ...pod, status: this.#status.status(pod) as Pod['status'] & object }))
  }

  find(namespace: string, name: string): Pod | undefined {
    return this.#pods.find(namespace, name)
  }

  status(pod: Pod): PodStatus {
    return this.#status.status(pod)
  }

  inspect(pod: Pod): Promise<PodRuntime> {
    return this.#inspector.inspect(pod)
  }

  get staticPodPath(): string {
    return this.#parts.directories.manifests
  }

  get directory(): string {
    return this.#parts.directories.pods
  }

  diskUsage(pod: Pod): Promise<PodDiskUsage> {
    return this.#parts.disk.recent(pod)
  }

  claims(): ReturnType<ServedNode['claims']> {
    const found = new Map<string, ReturnType<ServedNode['claims']>[number]>()
    for (const pod of this.#pods.pods) {
      const { namespace = '' } = pod.metadata ?? {}
      for (const { name, path } of this.#parts.volumes.claims(pod))
        found.set(`${namespace}/${name}`, { namespace, persistentvolumeclaim: name, path })
    }
    return [...found.values()]
  }

  probeCounts(): ReturnType<ServedNode['probeCounts']> {
    return this.#parts.probes.counts()
  }

  /**
   * Graceful node shutdown: the node is not ready any more and takes no pods, and those that it has end by priority.
   * Resolves when the API knows. Source: nodeshutdown_manager_linux.go.
   */
  async shutDown(graces: readonly ShutdownGrace[]): Promise<void> {
    const { deps, pods, status } = this.#parts
    await this.#parts.close()
    await shutDown({ clock: deps.clock, pods }, graces)
    await status.settled()
  }

  /** Stops looking after the pods; they go on running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]()
  }
}

interface Parts {
  deps: KubeletDeps
  /** The node takes no pods from now on, and says so. */
  close(): Promise<void>
  pods: PodManager
  status: StatusManager
  inspector: Inspector
  directories: NodeDirectories
  disk: DiskUsage
  volumes: VolumeManager
  probes: ProbeManager
}

async function startParts(
  deps: KubeletDeps,
  owned: Disposer,
  signal: AbortSignal,
  make: (parts: Parts) => Kubelet,
): Promise<Kubelet> {
  const { name, client, runtime, clock, random, logger, directory, dns } = deps
  const directories = new NodeDirectories(directory)
  await mkdir(directories.pods, { recursive: true })
  await mkdir(directories.logs, { recursive: true })
  owned.defer(() => unmountBelow(directories.pods))
  const machine = await readMachine(directory)
  let pressure: NodePressure | undefined
  let closed = false
  let images: readonly ImageStatus[] = []
  const reporter = owned.own(
    new NodeReporter({
      client,
      clock,
      logger,
      facts: async () => {
        const problem = closed ? shutdownProblem : runtime.problem?.()
        // A runtime that is away has its images still.
        if (problem === undefined) images = await runtime.images.list().catch(() => images)
        return {
          name,
          machine,
          addresses: deps.addresses,
          port: deps.port,
          runtimeVersion: runtime.version,
          kubeletVersion: deps.kubeletVersion,
          recursiveReadOnly: runtime.recursiveReadOnly ?? false,
          ...(runtime.features ? { features: runtime.features } : {}),
          limits: [...runtime.limits, ...(deps.limits ?? [])],
          images,
          ...(problem === undefined ? {} : { problem }),
          ...(deps.labels ? { labels: deps.labels } : {}),
          volumesDirectory: directories.volumes,
          podCidr: deps.podCidr,
          maxPods: deps.maxPods ?? 110,
          pressure: pressure?.conditions ?? [],
        }
      },
    }),
  )
  await reporter.register(signal)
  const { uid = '' } = reporter.node?.metadata ?? {}
  owned.own(startHeartbeat({ client, clock, logger, node: { name, uid } }))

  const informers = { client, clock, random, logger }
  const own = { fieldSelector: `metadata.name=${name}` }
  const nodeInformer = owned.own(startInformer(informers, nodes, own))
  const see = reporter.see.bind(reporter)
  owned.defer(nodeInformer.handle({ add: see, update: see }))
  const serviceInformer = owned.own(startInformer(informers, services))
  const recorder = owned.own(
    new ApiEventRecorder({ client, clock, logger, source: { component: 'kubelet', host: name } }),
  )
  const events = new PodEvents(recorder)
  owned.own(
    new ImageGarbage({
      runtime,
      onImages: (ids) => deps.pullRecords.retain(ids),
      clock,
      logger,
      warn: (reason, message) => recorder.event({ kind: 'Node', name, uid: name }, 'Warning', reason, message),
    }),
  )
  const inspector = new Inspector(runtime, directories)
  const node = (): Node => nodeInformer.lister.get(name) ?? (reporter.node as Node)
  const allocatable = () => node().status?.allocatable ?? {}
  const hostIp = () => internalAddress(deps.addresses)

  const references = owned.own(new ReferencedObjects(informers, (podUid) => manager.wake(podUid)))
  const tokens = new TokenManager({ client, clock, random })
  const podDirectory = (podUid: string) => directories.pod(podUid)
  const volumes = new VolumeManager({
    client,
    references,
    tokens,
    podDirectory,
    volumesDirectory: directories.volumes,
    allocatable,
    node,
  })
  const probes = new ProbeManager({
    runtime,
    clock,
    random,
    events,
    hostIp,
    onChange: (podUid) => manager.wake(podUid),
  })
  owned.defer(() => probes.stop())
  const status = owned.own(new StatusManager({ client, clock, random, logger, inApi: (pod) => statics.inApi(pod) }))
  const environment = (pod: Pod, container: Container, podIp: string) =>
    environmentOf({ references, services: serviceInformer.lister, allocatable, hostIp }, pod, container, podIp)
  const disk = new DiskUsage({ runtime, directories, clock, inspect: (pod) => inspector.inspect(pod) })
  const allocations = new Allocations({ podDirectory, events, node, activePods: () => manager.active })
  const manager: PodManager = owned.own(
    new PodManager({
      runtime,
      clock,
      random,
      logger,
      events,
      inspector,
      directories,
      references,
      volumes,
      probes,
      status,
      allocations,
      disk,
      environment,
      images: new ImageManager({ runtime, clock, events, references, records: deps.pullRecords }),
      crashes: new KeyedBackoff(clock),
      dns: () => dns,
      runtimeHandler: (pod) => runtimeHandlerOf(client, pod),
      prepareDevices: (pod) => prepareDevices(client, pod),
      hostIp,
      node,
      pressure: () => pressure?.conditions ?? [],
      closed: () => (closed ? shutdownRejection : undefined),
      onGone: () => statics.gone(),
      runtimeName: runtime.version.split('://')[0]!,
    }),
  )

  await Promise.all([nodeInformer.whenSynced(signal), serviceInformer.whenSynced(signal)])
  const statics: StaticPods = owned.own(
    new StaticPods({
      client,
      clock,
      logger,
      directory: directories.manifests,
      node: { name, uid },
      run: (pod) => manager.update(pod),
      end: (pod) => manager.remove(pod),
      isThere: (podUid) => manager.has(podUid),
      onMirror: (pod, mirror) => status.shownAs(pod, mirror),
    }),
  )
  await statics.start()
  const podInformer = owned.own(startInformer(informers, pods, { fieldSelector: `spec.nodeName=${name}` }))
  await podInformer.whenSynced(signal)
  // The oldest first, so that admission favours who was there before.
  const known = podInformer.lister.list().toSorted((a, b) => (createdAt(a) < createdAt(b) ? -1 : 1))
  const changed = (pod: Pod) => (isMirror(pod) ? statics.mirror(pod) : manager.update(pod))
  for (const pod of known) changed(pod)
  podInformer.handle({
    add: (pod, initial) => initial || changed(pod),
    update: changed,
    delete: (pod) => (isMirror(pod) ? statics.mirrorGone(pod) : manager.remove(pod)),
  })
  await manager.removeOrphans()
  followRuntime(deps, owned, inspector, manager)
  pressure = owned.own(
    new NodePressure({
      clock,
      logger,
      runtime,
      disk,
      signals: deps.signals ?? (() => readSignals(directory)),
      pods: () => manager.active.filter((pod) => !pod.metadata?.deletionTimestamp),
      inspect: (pod) => inspector.inspect(pod),
      reclaim: () => manager.discardEnded(),
      evict: (pod, why, condition) => manager.evict(pod, why, condition),
      report: (message) => recorder.event(referenceTo(nodes, node()), 'Warning', 'EvictionThresholdMet', message),
    }),
  )
  owned.own(rotateLogs({ runtime, clock, logger }))
  owned.own(
    watchLocalStorage({ clock, disk, pods: () => manager.active, evict: (pod, why) => manager.evict(pod, why) }),
  )
  const close = async () => {
    closed = true
    recorder.event(referenceTo(nodes, node()), 'Normal', 'NodeShutdown', 'Shutdown manager detected shutdown event')
    await reporter
      .report()
      .catch((error: Error) => logger.warn('cannot tell that the node shuts down', { error: error.message }))
  }
  return make({ deps, close, pods: manager, status, inspector, directories, disk, volumes, probes })
}

async function runtimeHandlerOf(client: KubeClient, { spec }: Pod): Promise<string> {
  const { runtimeClassName: name } = spec ?? {}
  return name ? (await client.get(runtimeClasses, { name })).handler : ''
}

const createdAt = (pod: Pod): string => pod.metadata?.creationTimestamp ?? ''

/** Wakes pods whose containers have changed; all of them when events may have been missed. */
function followRuntime(deps: KubeletDeps, owned: Disposer, inspector: Inspector, manager: PodManager): void {
  const { runtime, clock, logger } = deps
  const stop = new AbortController()
  const follow = async () => {
    while (!stop.signal.aborted) {
      try {
        for await (const { sandboxId } of runtime.events(stop.signal)) {
          const uid = await inspector.podOf(sandboxId)
          if (uid) manager.wake(uid)
        }
      } catch (error) {
        if (!stop.signal.aborted) logger.warn('the runtime ended its events', { error: (error as Error).message })
      }
      await clock.sleep(1000, stop.signal).catch(() => {})
      if (!stop.signal.aborted) manager.wakeAll()
    }
  }
  const running = follow()
  owned.defer(async () => {
    stop.abort(new Error('the kubelet stops'))
    await running
  })
}

interface EnvironmentSources {
  references: ReferencedObjects
  services: Lister<Service>
  allocatable(): Readonly<Record<string, string>>
  hostIp(): string
}

/** Reads what the environment of a container refers to. */
async function environmentOf(
  sources: EnvironmentSources,
  pod: Pod,
  container: Container,
  podIp: string,
): Promise<EnvironmentInput> {
  const { references, services: lister, allocatable, hostIp } = sources
  const namespace = pod.metadata?.namespace ?? ''
  const wanted = referencesOf({ spec: { containers: [container] } })
  const configMaps = new Map<string, ConfigMap | undefined>()
  const secrets = new Map<string, Secret | undefined>()
  for (const name of wanted.configMaps) configMaps.set(name, await references.configMap(namespace, name))
  for (const name of wanted.secrets) secrets.set(name, await references.secret(namespace, name))
  const visible = visibleServices(lister.list(), namespace, pod.spec?.enableServiceLinks ?? true)
  return {
    configMap: (name) => configMaps.get(name),
    secret: (name) => secrets.get(name),
    services: serviceVariables(visible),
    allocatable: allocatable(),
    podIp: podIp || hostIp(),
    hostIp: hostIp(),
  }
}
