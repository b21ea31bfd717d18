import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'

export interface WatchDeps {
  source: {
    /** Calls back for each event of any container. Rejects when there are no more, or the runtime has none. */
    events(onEvent: () => void, signal: AbortSignal): Promise<never>
  }
  view: { look(): Promise<void> }
  clock: Clock
  logger: Logger
}

export interface RuntimeWatch extends AsyncDisposable {
  /** The runtime has not answered for so long that it is not expected to. */
  readonly isDown: boolean
}

/** Upstream's threshold of the kubelet's runtimeState. */
const downAfter = 30_000
/** The kubelet's relist period, and the one where the runtime tells of changes itself. */
const period = 1000
const periodWithEvents = 30_000
/** A runtime may tell of a change before its lists show it: how soon it is looked again, and again. */
const pausesAfterEvent = [100, period]

/**
 * Looks at the runtime's containers again and again, and whenever it tells of a change, where it does. A runtime that
 * does not answer is waited for.
 */
export function watchRuntime({ source, view, clock, logger }: WatchDeps): RuntimeWatch {
  const stop = new AbortController()
  let hasEvents = false
  let isTold = false
  let isAway = false
  /** When the oldest look began that no answer has come to. */
  let askedSince: number | undefined
  let wake = () => {}

  const look = async () => {
    askedSince ??= clock.monotonic()
    try {
      await view.look()
      askedSince = undefined
      if (isAway) logger.info('the container runtime answers again')
      isAway = false
    } catch (error) {
      if (isAway || stop.signal.aborted) return
      logger.warn('the container runtime does not answer', { error: (error as Error).message })
      isAway = true
    }
  }
  const looking = async () => {
    for (let looks = 0; !stop.signal.aborted; looks++) {
      if (isTold) looks = 0
      isTold = false
      const nudged = new Promise<void>((resolve) => (wake = resolve))
      await look()
      const pause = new AbortController()
      void nudged.then(() => pause.abort())
      const seldom = pausesAfterEvent[looks] ?? periodWithEvents
      await clock.sleep(hasEvents ? seldom : period, pause.signal).catch(() => {})
    }
  }
  const listening = async () => {
    while (!stop.signal.aborted) {
      const heard = () => {
        hasEvents = true
        isTold = true
        wake()
      }
      // Runtimes that tell nothing say so at once; those that are away come back.
      await source.events(heard, stop.signal).catch(() => {})
      hasEvents = false
      await clock.sleep(periodWithEvents, stop.signal).catch(() => {})
    }
  }
  const running = Promise.all([looking(), listening()])
  return {
    get isDown() {
      return askedSince !== undefined && clock.monotonic() - askedSince >= downAfter
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the runtime is let go of'))
      wake()
      await running
    },
  }
}
