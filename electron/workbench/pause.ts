/** Waits, or returns at once when the signal aborts. Never rejects: the caller looks at the signal anyway. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

/** Resolves once the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Milliseconds before the next try, growing with the failures in a row and never quite the same for two callers. */
export function backOff(failures: number, most = 30_000): number {
  return failures === 0 ? 0 : Math.min(most, 250 * 2 ** Math.min(failures, 20)) * (0.75 + Math.random() / 2)
}
