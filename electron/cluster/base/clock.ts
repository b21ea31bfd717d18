/**
 * Time as the cluster sees it. Everything under electron/cluster takes its time from here, so that scenarios run
 * under a fake clock in milliseconds.
 */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Monotonic milliseconds, for durations. Never jumps. */
  monotonic(): number
  /** Calls back once after `ms` milliseconds, however many; the returned function cancels. */
  after(ms: number, callback: () => void): () => void
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Node fires timers that are longer than this at once. */
const longestTimer = 0x7fff_ffff

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout
    const arm = (left: number) => {
      timer =
        left > longestTimer ? setTimeout(() => arm(left - longestTimer), longestTimer) : setTimeout(callback, left)
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
}

/** The one implementation of `sleep`, over a clock's `after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = () => {
      cancel()
      reject(signal!.reason as Error)
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

let newest = { second: Number.NaN, text: '' }

/** RFC 3339 with whole seconds, as metav1.Time is written. Every write asks for it, and most for the same second. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== newest.second) newest = { second, text: new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z') }
  return newest.text
}

/** RFC 3339 with microseconds, as metav1.MicroTime is written. */
export const microTimestamp = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z')
