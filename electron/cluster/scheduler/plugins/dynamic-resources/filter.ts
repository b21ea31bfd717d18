import { mostAlternatives, type Allocation } from '#shared/kube/devices.ts'
import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { matchesTerm } from '#shared/kube/node-affinity.ts'
import type { ClusterState } from '../../cluster-state.ts'
import { allocate } from '../../devices/allocator.ts'
import { Usage } from '../../devices/usage.ts'
import type { NodeInfo } from '../../node-info.ts'
import type { PodInfo } from '../../pod-info.ts'
import type { Relief } from '../../reservation.ts'
import { normalizeToHundred, Refusal, rejected, type Filter, type Score } from '../api.ts'
import { claimsOf, claimTrouble, type Claim } from './claims.ts'
import { extendedClaimOn, extendedKey, extendedOf, type ExtendedResources, type Mappings } from './extended.ts'
import { readiness } from './readiness.ts'
import { giveBack, removeClaim } from './release.ts'
import { DeviceReservation, type Given } from './reservation.ts'

/**
 * So many devices may be tried on one node, and on all nodes for one pod: a search that finds nothing tries all
 * combinations, in the thread that everything else waits for. Upstream gives a node ten seconds.
 */
const most = { onNode: 10_000, inAll: 200_000 }

/** What a node has for the pod. */
type Finding =
  | { readonly reason: string }
  | { readonly given: readonly Given[]; readonly extended?: { readonly mappings: Mappings } }

/** What the pod's claims ask of nodes; undefined where it has none. */
export function devicesFilter(pod: PodInfo, state: ClusterState): Filter | Refusal | undefined {
  const claims = claimsOf(pod, state)
  if (typeof claims === 'string') return new Refusal(claims)
  const extended = extendedOf(pod, state)
  if (!claims.length && !extended) return undefined
  for (const claim of claims) {
    const trouble = claim.status?.allocation ? undefined : claimTrouble(claim, state)
    if (trouble) return new Refusal(trouble)
  }
  return new DevicesFilter(pod, claims, extended, state)
}

class DevicesFilter implements Filter {
  /** Devices are taken by other pods too. */
  readonly shared = true
  readonly score?: Score
  readonly #pod: PodInfo
  readonly #claims: readonly Claim[]
  readonly #extended: ExtendedResources | undefined
  readonly #state: ClusterState
  readonly #usage: Usage
  /** By the name of the node: nothing of it changes within one cycle. */
  readonly #findings = new Map<string, Finding>()
  /** Claims whose devices some node does not reach. */
  readonly #unavailable = new Set<Claim>()
  #left = most.inAll

  constructor(pod: PodInfo, claims: readonly Claim[], extended: ExtendedResources | undefined, state: ClusterState) {
    this.#pod = pod
    this.#claims = claims
    this.#extended = extended
    this.#state = state
    this.#usage = new Usage((id) => state.deviceClaims.on(id))
    const isChoosy = claims.some(
      ({ spec, status }) => !status?.allocation && spec?.devices?.requests?.some((each) => each.firstAvailable?.length),
    )
    if (isChoosy) {
      this.score = {
        shared: true,
        score: ({ name }) => this.#preference(name),
        normalize: (scores, count) => normalizeToHundred(scores, count, false),
      }
    }
  }

  fits(node: NodeInfo): boolean {
    return 'given' in this.#lookAt(node)
  }

  why(node: NodeInfo): ReturnType<Filter['why']> {
    const finding = this.#lookAt(node)
    return rejected('reason' in finding ? finding.reason : '', true)
  }

  reserve(node: NodeInfo): DeviceReservation | undefined {
    const finding = this.#lookAt(node)
    if ('reason' in finding) return undefined
    const { given, extended } = finding
    if (!given.length) return undefined
    const { deviceClaims } = this.#state
    for (const { key, claim, allocation } of given)
      if (allocation) deviceClaims.allocate(key, { ...claim, status: { ...claim.status, allocation } })
    return new DeviceReservation(this.#pod, node.name, given, extended?.mappings)
  }

  /** Gives one claim back that nobody uses and that leads to no node. Source: PostFilter. */
  relieve(): Relief {
    for (const claim of this.#unavailable) {
      const { reservedFor = [] } = claim.status ?? {}
      if (reservedFor.length > 1 || (reservedFor[0] && reservedFor[0].uid !== this.#pod.uid)) continue
      return { message: 'deallocation of ResourceClaim completed', carryOut: ({ client }) => giveBack(client, claim) }
    }
    const stale = this.#extended?.stale
    if (stale)
      return { message: 'deletion of ResourceClaim completed', carryOut: ({ client }) => removeClaim(client, stale) }
    return { message: 'still not schedulable' }
  }

  #lookAt(node: NodeInfo): Finding {
    const known = this.#findings.get(node.name)
    if (known) return known
    const finding = this.#find(node)
    this.#findings.set(node.name, finding)
    return finding
  }

  #find(info: NodeInfo): Finding {
    const { node } = info
    if (this.#extended?.stale) return { reason: 'cannot schedule extended resource claim' }
    const extended = this.#extended && extendedClaimOn(this.#pod, this.#extended, info)
    const unavailable = this.#claims.filter((claim) => {
      const { allocation } = claim.status ?? {}
      if (!allocation) return false
      const terms = allocation.nodeSelector?.nodeSelectorTerms
      if (terms && !terms.some((term) => matchesTerm(term, node))) return true
      return typeof readiness(claim) === 'string' || this.#state.deviceClaims.isAbandoned(claim)
    })
    const wanted = [...this.#claims.filter(({ status }) => !status?.allocation), ...(extended ? [extended.claim] : [])]
    const found = wanted.length ? this.#allocate(info, wanted) : { allocations: [] }
    if ('reason' in found) return found
    for (const claim of unavailable) this.#unavailable.add(claim)
    if (unavailable.length) return { reason: 'resourceclaim not available on the node' }
    const allocationOf = (claim: Claim): Allocation | undefined => found.allocations[wanted.indexOf(claim)]
    const given: Given[] = this.#claims.map((claim) => {
      const allocation = allocationOf(claim)
      return { key: keyOf(claim as KubeObject), claim, ...(allocation ? { allocation } : {}) }
    })
    if (!extended) return { given }
    const own = { key: extendedKey(this.#pod), claim: extended.claim, allocation: allocationOf(extended.claim)! }
    return { given: [...given, own], extended }
  }

  #allocate({ node }: NodeInfo, claims: readonly Claim[]): ReturnType<typeof allocate> {
    const { surroundings, deviceSelectors: selectors } = this.#state
    let onNode = most.onNode
    try {
      return allocate(node, claims, {
        deviceClass: (name) => surroundings.deviceClass(name),
        slices: surroundings.deviceSlices,
        selectors,
        usage: this.#usage,
        step: () => --onNode >= 0 && --this.#left >= 0,
      })
    } catch (error) {
      // Something is wrong with a claim or a class: no other node will make it right.
      throw new Error(`running "DynamicResources" filter plugin: ${(error as Error).message}`, { cause: error })
    }
  }

  /** The earlier an alternative stands in its list, the better. Source: computeScore. */
  #preference(node: string): number {
    const finding = this.#findings.get(node)
    if (!finding || 'reason' in finding) return 0
    let score = 0
    for (const { claim, allocation } of finding.given) {
      const chosen = new Set((allocation?.devices?.results ?? []).map(({ request }) => request))
      for (const { name = '', firstAvailable = [] } of claim.spec?.devices?.requests ?? [])
        for (const [i, option] of firstAvailable.entries())
          if (chosen.has(`${name}/${option.name ?? ''}`)) score += mostAlternatives - i
    }
    return score
  }
}
