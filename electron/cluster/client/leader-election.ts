import type { Lease, LeaseSpec } from 'kubernetes-types/coordination/v1'
import { leases } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import { microTimestamp, type Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { KubeClient } from './api.ts'

export interface LeaderElectionDeps {
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  lease: { namespace: string; name: string }
  /** Who stands for election. Nobody else may use it at the same time; an earlier life of the same holder may have. */
  identity: string
  /**
   * Called whenever this identity has become the leader. What it makes is disposed when it no longer is. `holds` tells
   * at any moment whether nobody else can lead yet, also before the process has had the time to notice.
   */
  lead(holds: () => boolean): Promise<AsyncDisposable> | AsyncDisposable
}

/** Milliseconds, as client-go's components have them. */
const leaseDuration = 15_000
const renewDeadline = 10_000
const retryPeriod = 2000
const jitter = 1.2

/**
 * Leads while it holds a Lease, among any number of candidates in any language. Source: client-go's leaderelection.
 * Clocks are never compared: a holder is gone when its record has not changed for as long as it lasts, as seen from here.
 */
export class LeaderElection implements AsyncDisposable {
  readonly #deps: LeaderElectionDeps
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>
  #seen: { record: string; at: number } | undefined
  #leading = false
  /** When the request was sent that held the lease last, by the monotonic clock. */
  #heldAt = -Infinity

  constructor(deps: LeaderElectionDeps) {
    this.#deps = deps
    this.#running = this.#run()
  }

  get leading(): boolean {
    return this.#leading
  }

  /** Stops leading, then leaves the lease to the others. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { lease, logger } = this.#deps
    const { signal } = this.#stopped
    while (!signal.aborted) {
      if (!(await this.#tryFor(renewDeadline))) {
        await this.#pause(retryPeriod * (1 + jitter * this.#deps.random.next()))
        continue
      }
      logger.info('became the leader', { lease: lease.name })
      await this.#leadWhileHeld()
      logger.info('leads no longer', { lease: lease.name })
      await this.#pause(retryPeriod)
    }
  }

  async #leadWhileHeld(): Promise<void> {
    const { lead, logger, lease } = this.#deps
    const { signal } = this.#stopped
    let work: AsyncDisposable | undefined
    this.#leading = true
    try {
      work = await lead(() => this.#leading && this.#left() > 0)
      while (!signal.aborted && this.#left() > 0) {
        await this.#pause(Math.min(retryPeriod, this.#left()))
        if (!signal.aborted && this.#left() > 0) await this.#tryFor(this.#left())
      }
    } catch (error) {
      logger.error('the leader cannot work', { lease: lease.name, error: String(error) })
    } finally {
      this.#leading = false
      await work?.[Symbol.asyncDispose]()
      if (signal.aborted) await this.#release()
    }
  }

  /** Milliseconds until the leader must have renewed the lease, or give up. */
  #left(): number {
    return this.#heldAt + renewDeadline - this.#deps.clock.monotonic()
  }

  /** A request that is never answered must not outlast the lease. */
  #tryFor(ms: number): Promise<boolean> {
    return Promise.race([this.#tryToHold(), this.#pause(ms).then(() => false)])
  }

  /** Takes the lease where it is free, renews it where it is held. */
  async #tryToHold(): Promise<boolean> {
    const { client, clock, lease, identity, logger } = this.#deps
    const asked = clock.monotonic()
    const now = microTimestamp(clock.now())
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseDuration / 1000,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    }
    try {
      const current = await client.get(leases, lease).catch((error: unknown) => {
        if (isNotFound(error)) return undefined
        throw error
      })
      if (!current) {
        await client.create(leases, leaseOf(lease, spec), { namespace: lease.namespace })
        this.#heldAt = Math.max(this.#heldAt, asked)
        return true
      }
      const { holderIdentity, acquireTime, leaseTransitions = 0 } = current.spec ?? {}
      if (holderIdentity === identity) {
        Object.assign(spec, { acquireTime, leaseTransitions })
      } else {
        if (holderIdentity && !this.#isOver(current)) return false
        spec.leaseTransitions = leaseTransitions + 1
      }
      await client.update(leases, { ...current, spec })
      this.#heldAt = Math.max(this.#heldAt, asked)
      return true
    } catch (error) {
      // Another candidate was faster, or the server does not answer: both look like this, and both pass.
      logger.debug('could not hold the lease', { lease: lease.name, error: String(error) })
      return false
    }
  }

  #isOver({ spec }: Lease): boolean {
    const { clock } = this.#deps
    const record = JSON.stringify(spec)
    if (this.#seen?.record !== record) this.#seen = { record, at: clock.monotonic() }
    const lasts = (spec?.leaseDurationSeconds ?? 0) * 1000 || leaseDuration
    return clock.monotonic() - this.#seen.at >= lasts
  }

  async #release(): Promise<void> {
    const { client, clock, lease, identity } = this.#deps
    try {
      const current = await client.get(leases, lease)
      if (current.spec?.holderIdentity !== identity) return
      const now = microTimestamp(clock.now())
      const spec = { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now }
      await client.update(leases, { ...current, spec })
    } catch {
      // The others wait until it runs out.
    }
  }

  #pause(ms: number): Promise<void> {
    return this.#deps.clock.sleep(ms, this.#stopped.signal).catch(() => {})
  }
}

const leaseOf = (metadata: { namespace: string; name: string }, spec: LeaseSpec): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata,
  spec,
})
