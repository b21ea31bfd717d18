import { deviceId, type ResourceClaim } from '#shared/kube/devices.ts'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'

type Claim = Frozen<ResourceClaim>

interface Assumed {
  readonly claim: Claim
  /** Its allocation has yet to be written. */
  readonly isInFlight: boolean
}

export interface CachedClaims {
  readonly get: (key: string) => Claim | undefined
  /** Those that have a device, by its id. */
  readonly on: (id: string) => readonly Claim[]
}

/** Claims as caches have them, and ahead of them those whose allocation is being written, or was just now. */
export class AssumedClaims {
  readonly #cached: CachedClaims
  readonly #assumed = new Map<string, Assumed>()
  /** Of claims whose devices did not become ready, the uids. */
  readonly #abandoned = new Set<string>()

  constructor(cached: CachedClaims) {
    this.#cached = cached
  }

  /** `namespace/name`. As it was last written, or as the caches have it. */
  get(key: string): Claim | undefined {
    const assumed = this.#assumed.get(key)
    return assumed && !assumed.isInFlight ? assumed.claim : this.#cached.get(key)
  }

  isInFlight(key: string): boolean {
    return this.#assumed.get(key)?.isInFlight ?? false
  }

  on(id: string): readonly Claim[] {
    const cached = this.#cached.on(id)
    if (!this.#assumed.size) return cached
    const ahead = [...this.#assumed.values()].filter(({ claim }) =>
      claim.status?.allocation?.devices?.results?.some((result) => deviceId(result) === id),
    )
    return [
      ...cached.filter((claim) => !this.#assumed.has(keyOf(claim as KubeObject))),
      ...ahead.map(({ claim }) => claim),
    ]
  }

  /** Its devices are nobody else's from now on. */
  allocate(key: string, claim: Claim): void {
    this.#assumed.set(key, { claim, isInFlight: true })
  }

  /** The allocation is written, but may not be in the caches yet. */
  written(claim: Claim): void {
    const key = keyOf(claim as KubeObject)
    if (isNewer(this.#cached.get(key), claim)) this.#assumed.delete(key)
    else this.#assumed.set(key, { claim, isInFlight: false })
  }

  /** Its devices will not become ready: it is to be given others. */
  abandon({ metadata }: Claim): void {
    this.#abandoned.add(metadata?.uid ?? '')
  }

  isAbandoned({ metadata }: Claim): boolean {
    return this.#abandoned.has(metadata?.uid ?? '')
  }

  forget(key: string): void {
    this.#assumed.delete(key)
  }

  /** The caches have the claim, or have it no more. */
  seen(claim: Claim, isGone: boolean): void {
    const key = keyOf(claim as KubeObject)
    if (isGone || !claim.status?.allocation) this.#abandoned.delete(claim.metadata?.uid ?? '')
    const assumed = this.#assumed.get(key)
    if (assumed && !assumed.isInFlight && (isGone || isNewer(claim, assumed.claim))) this.#assumed.delete(key)
  }
}

/** Revisions are numbers of one sequence (KEP-5504). */
const isNewer = (cached: Claim | undefined, claim: Claim): boolean =>
  Number(cached?.metadata?.resourceVersion) >= Number(claim.metadata?.resourceVersion)
