import type { Random } from './random.ts'

export interface BackoffOptions {
  /** First delay, in milliseconds. */
  initial: number
  /** Largest delay, in milliseconds. */
  max: number
  /** Growth from one delay to the next. */
  factor?: number
  /** Share of the delay added at random, 0 to 1. */
  jitter?: number
}

/** The delay before attempt `failures + 1`, in milliseconds. */
export function backoffDelay(
  failures: number,
  { initial, max, factor = 2, jitter = 0 }: BackoffOptions,
  random?: Random,
): number {
  const delay = Math.min(max, initial * factor ** Math.min(failures, 60))
  return delay + (jitter && random ? delay * jitter * random.next() : 0)
}
