import { compute, type Computed, type Situation, type Uncomputed } from './metric.ts'
import type { Reading } from './reading.ts'
import type { MetricSpec, MetricStatus } from './types.ts'

/** What all metrics of an autoscaler together come to. */
export interface Evaluation {
  /** The metric that wants the most; none when nothing is to be done about what could be computed. */
  readonly chosen: Pick<Computed, 'replicas' | 'name'> | undefined
  /** In the order of the metrics. */
  readonly statuses: readonly MetricStatus[]
  readonly uncomputed: readonly Uncomputed[]
}

const unknown: MetricStatus = { type: '' }

/**
 * The largest proposal wins. A metric that is not known might have wanted more than the others: then nothing is taken
 * away. Source: computeReplicasForMetrics.
 */
export function evaluate(
  metrics: readonly MetricSpec[],
  readings: readonly Reading[],
  situation: Situation,
): Evaluation {
  const results = metrics.map((metric, i) => compute(metric, readings[i]!, situation))
  const computed = results.filter((result): result is Computed => 'status' in result)
  const uncomputed = results.filter((result): result is Uncomputed => 'error' in result)
  let chosen: Computed | undefined
  for (const each of computed) if (!chosen || chosen.replicas === 0 || each.replicas > chosen.replicas) chosen = each
  const isUnsafe = uncomputed.length > 0 && (chosen?.replicas ?? 0) < situation.current
  return {
    chosen: isUnsafe ? undefined : chosen,
    statuses: results.map((result) => ('status' in result ? result.status : unknown)),
    uncomputed,
  }
}

export const summary = (uncomputed: readonly Uncomputed[], all: number): string =>
  `invalid metrics (${uncomputed.length} invalid out of ${all}), first error is: ${uncomputed[0]?.error ?? ''}`
