import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Runtime } from '../../runtime/api.ts'
import type { ProbeResults } from '../core/actions.ts'
import type { PodEvents } from '../pods/pod-events.ts'
import {
  containersOf,
  initContainersOf,
  isSidecar,
  uidOf,
  type Container,
  type Pod,
  type PodRuntime,
  type Probe,
  type RuntimeContainer,
} from '../types.ts'
import type { ProbeOutcome } from './outcome.ts'
import { ProbeWorker } from './probe-worker.ts'
import { runProbe, type ProbedContainer, type ProbeKind } from './prober.ts'

export interface ProbeManagerDeps {
  runtime: Runtime
  clock: Clock
  random: Random
  events: PodEvents
  /** Of pods that have no address of their own. */
  hostIp(): string
  /** A verdict has changed: the pod must be looked at. */
  onChange(podUid: string): void
}

interface Probed {
  workers: Map<ProbeKind, ProbeWorker>
  verdicts: Map<ProbeKind, boolean>
}

const titles: Record<ProbeKind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' }
/** As Prometheus is told of outcomes. */
const outcomes: Record<ProbeOutcome['result'], string> = {
  success: 'successful',
  warning: 'successful',
  failure: 'failed',
  unknown: 'unknown',
}

export interface ProbeCount {
  labels: Record<string, string>
  value: number
}

const kinds: readonly ProbeKind[] = ['startup', 'liveness', 'readiness']

/** Runs the probes of all running containers and remembers their verdicts, by container id. */
export class ProbeManager implements ProbeResults {
  readonly #deps: ProbeManagerDeps
  readonly #agentStartedAt: number
  readonly #pods = new Map<string, Map<string, Probed>>()
  /** By pod, of every probe and outcome. */
  readonly #counts = new Map<string, Map<string, ProbeCount>>()

  constructor(deps: ProbeManagerDeps) {
    this.#deps = deps
    this.#agentStartedAt = deps.clock.now()
  }

  /** Starts the probes of containers that run now and stops those of containers that run no more. */
  sync(pod: Pod, runtime: PodRuntime): void {
    const uid = uidOf(pod)
    const probed = this.#pods.get(uid) ?? new Map<string, Probed>()
    this.#pods.set(uid, probed)
    const running = new Set<string>()
    for (const container of [...initContainersOf(pod).filter(isSidecar), ...containersOf(pod)]) {
      const instance = runtime.containers.find(({ name, state }) => name === container.name && state === 'running')
      if (!instance || !kinds.some((kind) => probeOf(container, kind))) continue
      running.add(instance.id)
      if (!probed.has(instance.id)) probed.set(instance.id, this.#start(pod, container, instance, runtime))
    }
    for (const [id, { workers }] of probed) {
      if (running.has(id)) continue
      for (const worker of workers.values()) worker.stop()
      probed.delete(id)
    }
  }

  /** A pod that is going keeps its readiness probes: it may still serve, but nobody restarts it. */
  stopLivenessAndStartup(podUid: string): void {
    for (const { workers } of this.#pods.get(podUid)?.values() ?? []) {
      workers.get('liveness')?.stop()
      workers.get('startup')?.stop()
    }
  }

  remove(podUid: string): void {
    for (const { workers } of this.#pods.get(podUid)?.values() ?? []) {
      for (const worker of workers.values()) worker.stop()
    }
    this.#pods.delete(podUid)
    this.#counts.delete(podUid)
  }

  /** How often each probe was made, by outcome. */
  counts(): ProbeCount[] {
    return [...this.#counts.values()].flatMap((ofPod) => [...ofPod.values()])
  }

  #count(pod: Pod, container: Container, kind: ProbeKind, { result }: ProbeOutcome): void {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
    const outcome = outcomes[result]
    const ofPod = this.#counts.get(uid) ?? new Map<string, ProbeCount>()
    this.#counts.set(uid, ofPod)
    const key = `${kind}/${outcome}/${container.name}`
    const labels = {
      probe_type: titles[kind],
      result: outcome,
      container: container.name,
      pod: name,
      namespace,
      pod_uid: uid,
    }
    const count = ofPod.get(key) ?? { labels, value: 0 }
    count.value++
    ofPod.set(key, count)
  }

  stop(): void {
    for (const uid of this.#pods.keys()) this.remove(uid)
  }

  liveness(containerId: string): boolean | undefined {
    return this.#verdict(containerId, 'liveness')
  }

  startup(containerId: string): boolean | undefined {
    return this.#verdict(containerId, 'startup')
  }

  isStarted(container: Container, containerId: string): boolean {
    return !container.startupProbe || this.#verdict(containerId, 'startup') === true
  }

  isReady(container: Container, containerId: string): boolean {
    return !container.readinessProbe || this.#verdict(containerId, 'readiness') === true
  }

  /** What is said of a container that has ended meanwhile says nothing: its worker is about to be stopped. */
  async #run(probe: Probe, target: ProbedContainer): Promise<ProbeOutcome | undefined> {
    const outcome = await runProbe(this.#deps, probe, target)
    if (outcome.result === 'success') return outcome
    const status = await this.#deps.runtime.containerStatus(target.containerId)
    return status?.state === 'running' ? outcome : undefined
  }

  #verdict(containerId: string, kind: ProbeKind): boolean | undefined {
    for (const probed of this.#pods.values()) {
      const found = probed.get(containerId)
      if (found) return found.verdicts.get(kind)
    }
    return undefined
  }

  #start(pod: Pod, container: Container, instance: RuntimeContainer, runtime: PodRuntime): Probed {
    const { clock, random, events, hostIp, onChange } = this.#deps
    const probed: Probed = { workers: new Map(), verdicts: adoptedVerdicts(pod, container, instance) }
    const sandbox = runtime.sandboxes.find(({ id }) => id === instance.sandboxId)
    const target = {
      container,
      containerId: instance.id,
      sandboxId: instance.sandboxId,
      podIp: sandbox?.ip || hostIp(),
    }
    for (const kind of kinds) {
      const probe = probeOf(container, kind)
      if (!probe || (kind === 'startup' && probed.verdicts.get('startup'))) continue
      const worker = new ProbeWorker({
        clock,
        random,
        kind,
        probe,
        startedAt: instance.startedAt,
        agentStartedAt: this.#agentStartedAt,
        isStarted: () => this.isStarted(container, instance.id),
        run: () => this.#run(probe, target),
        report: (outcome) => {
          this.#count(pod, container, kind, outcome)
          report(events, pod, container, kind, outcome)
        },
        verdict: (healthy) => {
          if (probed.verdicts.get(kind) === healthy) return
          probed.verdicts.set(kind, healthy)
          if (kind === 'startup' && healthy) {
            probed.workers.get('readiness')?.trigger()
            probed.workers.get('liveness')?.trigger()
          }
          onChange(uidOf(pod))
        },
      })
      probed.workers.set(kind, worker)
    }
    return probed
  }
}

const probeOf = (container: Container, kind: ProbeKind) => container[`${kind}Probe`]

/** A container that was ready before this agent started is ready until a probe says otherwise. */
function adoptedVerdicts(pod: Pod, container: Container, instance: RuntimeContainer): Map<ProbeKind, boolean> {
  const verdicts = new Map<ProbeKind, boolean>()
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  const known = statuses.find(
    ({ name, containerID }) => name === container.name && containerID?.endsWith(`://${instance.id}`),
  )
  if (known?.started) verdicts.set('startup', true)
  if (known?.ready) verdicts.set('readiness', true)
  return verdicts
}

function report(
  events: PodEvents,
  pod: Pod,
  container: Container,
  kind: ProbeKind,
  { result, output }: ProbeOutcome,
): void {
  const title = titles[kind]
  if (result === 'warning')
    events.container(pod, container.name, 'Warning', 'ProbeWarning', `${title} probe warning: ${output}`)
  else if (result === 'failure')
    events.container(pod, container.name, 'Warning', 'Unhealthy', `${title} probe failed: ${output}`)
  else if (result === 'unknown') {
    const message = `${title} probe errored and resulted in unknown state: ${output}`
    events.container(pod, container.name, 'Warning', 'Unhealthy', message)
  }
}
