import type { Clock } from '../base/clock.ts'

/** Does something again and again, the first time after one interval, until disposed of; one failure ends nothing. */
export function every(
  milliseconds: number,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<void>,
): AsyncDisposable {
  const stop = new AbortController()
  const { signal } = stop
  const running = (async () => {
    for (;;) {
      await clock.sleep(milliseconds, signal).catch(() => {})
      if (signal.aborted) return
      // What it needs may be gone for the moment: the next time is another try.
      await work(signal).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('stopped'))
      await running
    },
  }
}
