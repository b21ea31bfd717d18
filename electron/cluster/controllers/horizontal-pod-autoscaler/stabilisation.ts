import type { Recommendation } from './history.ts'

export interface Stabilised {
  readonly replicas: number
  readonly recommendations: readonly Recommendation[]
}

/** Down no further than was wanted at any time in the window. Source: stabilizeRecommendation. */
export function stabiliseDown(
  recommendations: readonly Recommendation[],
  wanted: number,
  window: number,
  at: number,
): Stabilised {
  const recent = recommendations.filter((each) => each.at >= at - window)
  const replicas = Math.max(wanted, ...recent.map((each) => each.replicas))
  return { replicas, recommendations: [...recent, { replicas: wanted, at }] }
}

/** Milliseconds that a recommendation counts against going up, and against going down. */
export interface Windows {
  readonly up: number
  readonly down: number
}

/** The same each way, from where the target is now. Source: stabilizeRecommendationWithBehaviors. */
export function stabiliseBoth(
  recommendations: readonly Recommendation[],
  { current, wanted, windows, at }: { current: number; wanted: number; windows: Windows; at: number },
): Stabilised {
  const within = (window: number) =>
    recommendations.filter((each) => each.at > at - window).map((each) => each.replicas)
  const least = Math.min(wanted, ...within(windows.up))
  const most = Math.max(wanted, ...within(windows.down))
  const replicas = Math.min(Math.max(current, least), most)
  const longest = Math.max(windows.up, windows.down)
  return {
    replicas,
    recommendations: [...recommendations.filter((each) => each.at >= at - longest), { replicas: wanted, at }],
  }
}
