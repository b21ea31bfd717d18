import type { Node } from 'kubernetes-types/core/v1'
import {
  mostDevices,
  toleratesTaint,
  type Allocation,
  type DeviceTaint,
  type DeviceToleration,
  type ResourceClaim,
} from '#shared/kube/devices.ts'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { addQuantities, zero, type Quantity } from '#shared/kube/quantity.ts'
import { consumedCapacity, type Capacities } from './capacity.ts'
import { constraintOf, type Constraint } from './constraints.ts'
import { CounterDemand } from './counters.ts'
import { gatherPools, type Pool, type PooledDevice, type Slices } from './pools.ts'
import { optionsOf, type Option, type OptionDeps } from './requests.ts'
import { allocationOf, type Chosen } from './results.ts'
import type { Usage } from './usage.ts'

type Claim = Frozen<ResourceClaim>

export interface AllocatorDeps extends Pick<OptionDeps, 'deviceClass' | 'selectors'> {
  readonly slices: Slices
  readonly usage: Usage
  /** Counts a step of the search; false once there were too many. */
  readonly step: () => boolean
}

/** An allocation for each claim, in their order; or why the node will not do. */
export type AllocationResult = { readonly allocations: readonly Allocation[] } | { readonly reason: string }

const tooLate = new Error('timed out trying to allocate devices')

/**
 * Gives the claims devices that the node reaches: all of them, or none. All combinations are tried, in the order of
 * pools, slices and devices, and the first that works is taken. Throws where something is wrong with a claim or a class,
 * so that no node will do. Source: structured.Allocator.
 */
export function allocate(node: Frozen<Node>, claims: readonly Claim[], deps: AllocatorDeps): AllocationResult {
  const pools = gatherPools(node, deps.slices)
  const search = new Search(claims, pools, deps)
  let found: boolean
  try {
    found = search.run()
  } catch (error) {
    if (error === tooLate) return { reason: tooLate.message }
    throw error
  }
  if (found) return { allocations: claims.map((claim, i) => allocationOf(claim, search.chosen[i]!, node)) }
  return {
    reason: pools.some(({ isInvalid }) => isInvalid)
      ? 'invalid resource pools were encountered'
      : 'cannot allocate all claims',
  }
}

/** Whether what was asked for worked; `'too many'`: more devices than a claim may have, whichever of them. */
type Outcome = boolean | 'too many'

class Search {
  /** By claim and request. */
  readonly chosen: Chosen[][]
  readonly #names: readonly string[]
  readonly #options: readonly (readonly (readonly Option[])[])[]
  readonly #constraints: readonly (readonly Constraint[])[]
  readonly #devices: readonly PooledDevice[]
  readonly #deps: AllocatorDeps
  readonly #counters: CounterDemand
  /** Which claims a device was chosen for. */
  readonly #taken = new Map<string, Set<number>>()
  readonly #shared = new Map<string, Map<string, Quantity>>()

  constructor(claims: readonly Claim[], pools: readonly Pool[], deps: AllocatorDeps) {
    this.#deps = deps
    this.#counters = new CounterDemand(deps.usage)
    this.#names = claims.map((claim) => keyOf(claim as KubeObject))
    this.#devices = pools.flatMap(({ devices }) => devices)
    this.#options = claims.map((claim) => optionsOf(claim, { ...deps, pools }))
    this.#constraints = claims.map(constraintsOf)
    this.chosen = claims.map(() => [])
  }

  run(): boolean {
    return this.#claim(0)
  }

  /** All claims from this one on. */
  #claim(claim: number): boolean {
    return claim >= this.#options.length || this.#request(claim, 0) === true
  }

  /** All requests of the claim from this one on, then all other claims. */
  #request(claim: number, request: number): Outcome {
    const options = this.#options[claim]![request]
    if (!options) return this.#claim(claim + 1)
    let outcome: Outcome = 'too many'
    for (const option of options) {
      const result = option.all
        ? option.all.length > 0 && this.#all(claim, request, option, 0)
        : this.#some(claim, request, option, 0, 0)
      if (result === true) return true
      if (result === false) outcome = false
    }
    return outcome
  }

  /** The devices of a request for all from this one on: there is only one way. */
  #all(claim: number, request: number, option: Option, index: number): Outcome {
    const device = option.all![index]
    if (!device) return this.#request(claim, request + 1)
    if (this.#isTooMany(claim, option, index)) return 'too many'
    const undo = this.#choose(claim, option, device)
    if (!undo) return false
    const outcome = this.#all(claim, request, option, index + 1)
    if (outcome !== true) undo()
    return outcome
  }

  /** So many devices from `start` on: the order within one request makes no difference. */
  #some(claim: number, request: number, option: Option, index: number, start: number): Outcome {
    if (index >= option.count) return this.#request(claim, request + 1)
    if (this.#isTooMany(claim, option, index)) return 'too many'
    for (let at = start; at < this.#devices.length; at++) {
      const device = this.#devices[at]!
      if (!this.#isAvailable(claim, option, device) || !option.matches(device)) continue
      const undo = this.#choose(claim, option, device)
      if (!undo) continue
      const outcome = this.#some(claim, request, option, index + 1, at + 1)
      if (outcome === true) return true
      undo()
      if (outcome === 'too many') return outcome
    }
    return false
  }

  #isTooMany(claim: number, { count }: Option, index: number): boolean {
    return this.chosen[claim]!.length + count - index > mostDevices
  }

  #isAvailable(claim: number, { request }: Option, { id, driver }: PooledDevice): boolean {
    const taken = this.#taken.get(id)
    if (request.adminAccess) return !taken?.has(claim)
    return !taken?.size && !this.#deps.usage.of({ id, driver }).isTaken
  }

  /** Undefined where the device cannot be had for this. */
  #choose(claim: number, option: Option, device: PooledDevice): (() => void) | undefined {
    if (!this.#deps.step()) throw tooLate
    const { request, names } = option
    const { id } = device
    if (!this.#isAvailable(claim, option, device)) return undefined
    if (isTainted(device.device.taints, request.tolerations)) return undefined
    const { shared } = this.#deps.usage.of(device)
    const isShared = device.device.allowMultipleAllocations ?? false
    const others = [...(shared ? [shared] : []), ...(this.#shared.has(id) ? [this.#shared.get(id)!] : [])]
    const consumed = consumedCapacity(device, request.capacity?.requests, ...others)
    if (!consumed) return undefined
    // Whoever shares a device first has taken its counters for all.
    const counted = !(isShared && others.length)
    if (counted && !this.#counters.take(device)) return undefined
    const constraints = this.#constraints[claim]!
    const broken = constraints.findIndex((constraint) => !constraint.add(names, device))
    const undoRules = (count: number) => {
      for (const constraint of constraints.slice(0, count)) constraint.remove(names)
      if (counted) this.#counters.giveBack(device)
    }
    if (broken >= 0) {
      undoRules(broken)
      if (!option.all) return undefined
      // There is no other way to have all of them.
      throw new Error(
        `claim ${this.#names[claim]}, request ${option.short}: cannot add device ${id} because a claim constraint would not be satisfied`,
      )
    }
    const undoTake = isShared ? this.#share(id, consumed) : this.#take(id, claim)
    this.chosen[claim]!.push({ option, device, ...(isShared ? { consumed } : {}) })
    return () => {
      this.chosen[claim]!.pop()
      undoTake()
      undoRules(constraints.length)
    }
  }

  #take(id: string, claim: number): () => void {
    const claims = this.#taken.get(id) ?? new Set()
    this.#taken.set(id, claims.add(claim))
    return () => claims.delete(claim)
  }

  #share(id: string, consumed: Capacities): () => void {
    const before = this.#shared.get(id)
    const now = new Map(before)
    for (const [name, amount] of consumed) now.set(name, addQuantities(now.get(name) ?? zero, amount))
    this.#shared.set(id, now)
    return () => (before ? this.#shared.set(id, before) : this.#shared.delete(id))
  }
}

function constraintsOf({ metadata, spec }: Claim): readonly Constraint[] {
  return (spec?.devices?.constraints ?? []).map((each, i) => {
    const constraint = constraintOf(each)
    if (constraint) return constraint
    const name = `${metadata?.namespace}/${metadata?.name}`
    throw new Error(`claim ${name}, constraint #${i}: empty constraint (unsupported constraint type?)`)
  })
}

const isTainted = (
  taints: readonly Frozen<DeviceTaint>[] = [],
  tolerations: readonly Frozen<DeviceToleration>[] = [],
): boolean =>
  taints.some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
  )
