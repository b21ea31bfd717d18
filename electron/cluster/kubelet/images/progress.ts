import type { Clock } from '../../base/clock.ts'
import type { PullProgress } from '../../runtime/api.ts'

/** Before the first word on how far a pull is, and twice as long before each that follows: an hour of pulling makes nine. */
const firstWordMs = 10_000

/** Says how far a pull is, to those who wait for one that takes long, and rarely. */
export function progressTeller(clock: Clock, tell: (text: string) => void): (progress: PullProgress) => void {
  const started = clock.monotonic()
  let next = firstWordMs
  return ({ layers, layersDone, bytes, bytesDone }) => {
    if (clock.monotonic() - started < next) return
    next *= 2
    tell(`${layersDone} of ${layers} layers, ${megabytes(bytesDone)} of ${megabytes(bytes)} MB`)
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
