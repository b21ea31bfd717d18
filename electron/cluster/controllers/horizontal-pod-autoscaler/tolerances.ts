import { approximate, parseQuantity } from '#shared/kube/quantity.ts'
import { tolerance } from './settings.ts'
import type { Autoscaler, ScalingRules } from './types.ts'

/** By how much usage may miss its target before something is done, each way. */
export interface Tolerances {
  readonly down: number
  readonly up: number
}

export function tolerancesOf({ spec }: Autoscaler): Tolerances {
  const of = (rules: ScalingRules | undefined): number =>
    rules?.tolerance === undefined ? tolerance : approximate(parseQuantity(rules.tolerance))
  return { down: of(spec?.behavior?.scaleDown), up: of(spec?.behavior?.scaleUp) }
}

export const isWithin = ({ down, up }: Tolerances, ratio: number): boolean => 1 - down <= ratio && ratio <= 1 + up
