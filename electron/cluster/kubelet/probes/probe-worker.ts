import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Probe } from '../types.ts'
import type { ProbeOutcome } from './outcome.ts'
import type { ProbeKind } from './prober.ts'

export interface ProbeWorkerDeps {
  clock: Clock
  random: Random
  kind: ProbeKind
  probe: Probe
  /** When the container started and when this agent did, in milliseconds since the epoch. */
  startedAt: number
  agentStartedAt: number
  /** Other probes rest until the startup probe has succeeded. */
  isStarted(): boolean
  /** Undefined when there is nothing left to probe. */
  run(): Promise<ProbeOutcome | undefined>
  /** The outcome of every probe that was made, before it is weighed. */
  report(outcome: ProbeOutcome): void
  /** The verdict, when thresholds have been reached. */
  verdict(healthy: boolean): void
}

/** Before the first probe of a container without an initial delay, at most. */
const longestFirstWait = 1000

/** Probes one container in one way, from its start to its end. Source: pkg/kubelet/prober/worker.go. */
export class ProbeWorker {
  readonly #deps: ProbeWorkerDeps
  readonly #stop = new AbortController()
  #wake: (() => void) | undefined
  #last: boolean | undefined
  #run = 0

  constructor(deps: ProbeWorkerDeps) {
    this.#deps = deps
    void this.#loop()
  }

  /** Probes now instead of at the end of the period. */
  trigger(): void {
    this.#wake?.()
  }

  stop(): void {
    this.#stop.abort(new Error('stopped'))
    this.#wake?.()
  }

  async #loop(): Promise<void> {
    const { clock, random, probe, startedAt, agentStartedAt, isStarted, kind } = this.#deps
    const { signal } = this.#stop
    const period = (probe.periodSeconds ?? 10) * 1000
    // After a restart of the agent all containers are probed at once unless they are spread.
    if (clock.now() - agentStartedAt < period && startedAt < agentStartedAt) await this.#pause(random.next() * period)
    // A container that has just been started gets a moment: upstream's first probe falls somewhere in the first period.
    const first = Math.max((probe.initialDelaySeconds ?? 0) * 1000, Math.min(period / 2, longestFirstWait))
    const delay = startedAt + first - clock.now()
    if (delay > 0) await this.#pause(delay)
    while (!signal.aborted) {
      if (kind === 'startup' || isStarted()) {
        if (!(await this.#probe())) return
      }
      if (!signal.aborted) await this.#pause(period)
    }
  }

  /** False when there is nothing left to find out. */
  async #probe(): Promise<boolean> {
    const { kind, probe, run, report, verdict } = this.#deps
    const outcome = await run()
    if (this.#stop.signal.aborted) return false
    if (!outcome) return true
    report(outcome)
    if (outcome.result === 'unknown') return true
    const healthy = outcome.result !== 'failure'
    this.#run = healthy === this.#last ? this.#run + 1 : 1
    this.#last = healthy
    const threshold = healthy ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
    if (this.#run < threshold) return true
    verdict(healthy)
    // A container that failed is about to be killed; one that has started stays started.
    if (kind === 'liveness') return healthy
    return kind !== 'startup'
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stop.signal.aborted) return resolve()
      const done = () => {
        cancel()
        this.#wake = undefined
        resolve()
      }
      const cancel = this.#deps.clock.after(ms, done)
      this.#wake = done
    })
  }
}
