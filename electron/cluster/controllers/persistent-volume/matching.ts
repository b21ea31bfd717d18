import { compareQuantities } from '#shared/kube/quantity.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import {
  hasAccessModes,
  isBoundTo,
  sameMode,
  sizeOf,
  sizeWanted,
  type Claim,
  type Volume,
} from '#shared/kube/storage.ts'

export interface Candidates {
  /** Volumes that name the claim. */
  readonly meant: readonly Volume[]
  /** Volumes of the claim's class that are nobody's. */
  readonly free: readonly Volume[]
}

/**
 * The volume for a claim: of those with the fewest access modes the one that was meant for it, or else the smallest
 * that is large enough. Node affinity does not count here: who cares waits for the scheduler. Source: index.go.
 */
export function bestMatch(claim: Claim, { meant, free }: Candidates): Volume | undefined {
  const wanted = sizeWanted(claim)
  const selector = claim.spec?.selector && selectorOf(claim.spec.selector)
  const fits = (volume: Volume): boolean =>
    !volume.metadata?.deletionTimestamp &&
    sameMode(claim, volume) &&
    hasAccessModes(claim, volume) &&
    compareQuantities(sizeOf(volume), wanted) >= 0
  const own = meant.filter((volume) => isBoundTo(volume, claim) && fits(volume))
  const others = free.filter(
    (volume) => !volume.spec?.claimRef && fits(volume) && (!selector || matches(selector, volume.metadata?.labels)),
  )
  const fewest = Math.min(...[...own, ...others].map(modes))
  return own.find((volume) => modes(volume) === fewest) ?? smallest(others.filter((each) => modes(each) === fewest))
}

const modes = ({ spec }: Volume): number => new Set(spec?.accessModes).size

const smallest = (volumes: readonly Volume[]): Volume | undefined =>
  volumes.reduce<Volume | undefined>(
    (best, each) => (best && compareQuantities(sizeOf(best), sizeOf(each)) <= 0 ? best : each),
    undefined,
  )
