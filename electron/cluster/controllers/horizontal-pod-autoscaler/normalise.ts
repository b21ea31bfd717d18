import { limitByBehaviour, type Behaviour } from './behaviour.ts'
import type { History } from './history.ts'
import { limitPlainly, type Bounds, type Limited } from './limits.ts'
import { downscaleStabilisation } from './settings.ts'
import { stabiliseBoth, stabiliseDown } from './stabilisation.ts'

export interface Normalised {
  readonly limited: Limited
  /** Whether that is what was wanted once it was steadied. */
  readonly isLimited: boolean
  /** What was waited for, where what is wanted had to wait. */
  readonly stabilised: 'ScaleUpStabilized' | 'ScaleDownStabilized' | undefined
  readonly history: History
}

export const stabilisedMessages = {
  ScaleUpStabilized: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
  ScaleDownStabilized:
    'recent recommendations were higher than current one, applying the highest recent recommendation',
} as const

/** Steadies what the metrics want, then limits it. Source: normalizeDesiredReplicas and …WithBehaviors. */
export function normalise(
  current: number,
  wanted: number,
  bounds: Bounds,
  behaviour: Behaviour | undefined,
  before: History,
  at: number,
): Normalised {
  const { replicas: steady, recommendations } = behaviour
    ? stabiliseBoth(before.recommendations, { current, wanted, windows: windowsOf(behaviour), at })
    : stabiliseDown(before.recommendations, wanted, downscaleStabilisation, at)
  const history = { ...before, recommendations }
  const limited = behaviour
    ? limitByBehaviour(current, steady, bounds, behaviour, history, at)
    : limitPlainly(current, steady, bounds)
  const direction = behaviour && wanted >= current ? 'ScaleUpStabilized' : 'ScaleDownStabilized'
  return {
    limited,
    isLimited: limited.replicas !== steady,
    stabilised: steady === wanted ? undefined : direction,
    history,
  }
}

const windowsOf = ({ scaleUp, scaleDown }: Behaviour) => ({
  up: (scaleUp?.stabilizationWindowSeconds ?? 0) * 1000,
  down: (scaleDown?.stabilizationWindowSeconds ?? downscaleStabilisation / 1000) * 1000,
})
