import { deleteProtection, type Allocation, type ResourceClaim } from '#shared/kube/devices.ts'
import { isReservedFor } from '#shared/kube/pod-claims.ts'
import { pods, resourceClaims } from '#shared/kube/resources.ts'
import { isConflict } from '#shared/kube/status.ts'
import { timestamp } from '../../../base/clock.ts'
import { referenceTo } from '../../../client/event-recorder.ts'
import { withShareIds } from '../../devices/results.ts'
import type { PodInfo } from '../../pod-info.ts'
import type { BinderDeps, Reservation } from '../../reservation.ts'
import type { Claim } from './claims.ts'
import type { Mappings } from './extended.ts'
import { hasBindingConditions, isOverdue, readiness } from './readiness.ts'
import { objectKey, removeClaim, unreserve } from './release.ts'

/** A claim of the pod, with the devices that it is to have where it has none yet. */
export interface Given {
  /** Under which the scheduler remembers it meanwhile. */
  readonly key: string
  readonly claim: Claim
  readonly allocation?: Allocation
}

/** A write that met another one is tried again so many times. */
const attempts = 5
/** How often devices that have to be made ready are looked at, in milliseconds. */
const lookEvery = 5000

/** The devices of a pod: their allocation, and that they are reserved for it. */
export class DeviceReservation implements Reservation {
  readonly #pod: PodInfo
  readonly #node: string
  readonly #given: readonly Given[]
  /** What the last of the claims stands for, where it is one for extended resources. */
  readonly #mappings: Mappings | undefined
  /** As they were written. */
  readonly #written = new Map<Given, Claim>()

  constructor(pod: PodInfo, node: string, given: readonly Given[], mappings: Mappings | undefined) {
    this.#pod = pod
    this.#node = node
    this.#given = given
    this.#mappings = mappings
  }

  async carryOut(deps: BinderDeps): Promise<void> {
    for (const given of this.#given) if (!isReservedFor(given.claim, this.#pod.uid)) await this.#write(deps, given)
    await this.#becomeReady(deps)
  }

  async release({ client, state, logger }: BinderDeps, isBound: boolean): Promise<void> {
    if (isBound) return
    for (const given of this.#given) {
      const claim = this.#written.get(given) ?? given.claim
      if (given.allocation) state.deviceClaims.forget(given.key)
      try {
        if (this.#isOwn(given)) {
          if (claim.metadata?.uid) await removeClaim(client, claim)
        } else if (isReservedFor(claim, this.#pod.uid)) await unreserve(client, claim, this.#pod.uid)
      } catch (error) {
        // It is looked at again when the pod is tried again.
        logger.warn('a claim is still reserved for a pod that was not bound', {
          pod: this.#pod.key,
          claim: claim.metadata?.name,
          error: String(error),
        })
      }
    }
  }

  /** Whether it is the claim that the scheduler makes itself. */
  #isOwn(given: Given): boolean {
    return this.#mappings !== undefined && given === this.#given.at(-1)
  }

  async #write(deps: BinderDeps, given: Given): Promise<void> {
    const { client, state } = deps
    const isOwn = this.#isOwn(given)
    let claim = given.claim
    if (isOwn) {
      claim = await client.create(resourceClaims, claim as ResourceClaim)
      this.#written.set(given, claim)
    }
    const written = await this.#reserve(deps, claim, given.allocation)
    this.#written.set(given, written)
    if (isOwn) state.deviceClaims.forget(given.key)
    state.deviceClaims.written(written)
    if (isOwn) await this.#tellOfOwn(deps, written)
  }

  /** Source: bindClaim. */
  async #reserve({ client, clock, random }: BinderDeps, first: Claim, given: Allocation | undefined): Promise<Claim> {
    const key = objectKey(first)
    const shown = `${key.namespace}/${key.name}`
    const allocation = given && {
      ...withShareIds(given, () => random.uuid()),
      allocationTimestamp: timestamp(clock.now()),
    }
    let claim = first
    for (let attempt = 1; ; attempt++) {
      if (claim.metadata?.deletionTimestamp) throw new Error(`claim ${shown} got deleted in the meantime`)
      if (allocation && claim.status?.allocation)
        throw new Error(`claim ${shown} got allocated elsewhere in the meantime`)
      try {
        if (allocation) claim = await this.#protect(client, claim)
        const { uid, resourceVersion } = claim.metadata ?? {}
        const consumer = { resource: 'pods', name: this.#pod.name, uid: this.#pod.uid }
        const status = {
          ...(allocation ? { allocation } : {}),
          reservedFor: [...(claim.status?.reservedFor ?? []), consumer],
        }
        const body = { metadata: { uid, resourceVersion }, status }
        return await client.patch(resourceClaims, key, 'merge', body, { subresource: 'status' })
      } catch (error) {
        const { message } = error as Error
        const what = allocation ? 'allocation and reservation' : 'reservation'
        if (!isConflict(error) || attempt >= attempts)
          throw Object.assign(error as Error, { message: `add ${what} to claim ${shown}: ${message}` })
        claim = await client.get(resourceClaims, key)
      }
    }
  }

  /** A claim with devices does not go before they are given back. */
  async #protect(client: BinderDeps['client'], claim: Claim): Promise<Claim> {
    const { uid, resourceVersion, finalizers = [] } = claim.metadata ?? {}
    if (finalizers.includes(deleteProtection)) return claim
    const metadata = { uid, resourceVersion, finalizers: [...finalizers, deleteProtection] }
    return client.patch(resourceClaims, objectKey(claim), 'merge', { metadata })
  }

  /** The kubelet finds the claim in the pod's status. */
  async #tellOfOwn({ client }: BinderDeps, { metadata }: Claim): Promise<void> {
    const { namespace, name, uid } = this.#pod
    const extendedResourceClaimStatus = { resourceClaimName: metadata?.name, requestMappings: this.#mappings }
    const body = { metadata: { uid }, status: { extendedResourceClaimStatus } }
    await client.patch(pods, { namespace, name }, 'strategic', body, { subresource: 'status' })
  }

  /** Waits for drivers that bring devices to the node first. */
  async #becomeReady({ state, clock, signal, events }: BinderDeps): Promise<void> {
    const claims = this.#given.map((given) => this.#written.get(given) ?? given.claim)
    if (!claims.some(hasBindingConditions)) return
    const text = `waiting for binding conditions for device on node ${this.#node}`
    events.event(referenceTo(pods, this.#pod.pod), 'Normal', 'BindingConditionsPending', text)
    for (;;) {
      const now = claims.map((claim) => state.deviceClaims.get(`${claim.metadata?.namespace}/${claim.metadata?.name}`))
      const waiting = now.filter((claim) => {
        if (!claim) throw new Error(`a claim of pod ${this.#pod.key} is gone`)
        const ready = readiness(claim)
        if (typeof ready === 'string') throw new Error(ready)
        if (ready) return false
        if (!isOverdue(claim, clock.now())) return true
        state.deviceClaims.abandon(claim)
        throw new Error(`claim ${claim.metadata?.name} binding timeout`)
      })
      if (!waiting.length) return
      await clock.sleep(lookEvery, signal)
    }
  }
}
