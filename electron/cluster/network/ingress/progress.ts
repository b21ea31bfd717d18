import type { Clock } from '../../base/clock.ts'

export interface Progress {
  /** Something has happened. */
  made(): void
  stop(): void
  /** Resolves when nothing has happened for too long, or when it was stopped. */
  readonly ended: Promise<'silent' | 'stopped'>
  /** Aborts when it is stopped. */
  readonly stopped: AbortSignal
  /** Waits no longer for anything to happen. */
  cancel(): void
}

/** Waits for nothing to happen. One timer, however much happens: the silence is between `ms` and twice that when it is noticed. */
export function watchProgress(clock: Pick<Clock, 'after'>, ms: number): Progress {
  const { promise, resolve } = Promise.withResolvers<'silent' | 'stopped'>()
  const stopping = new AbortController()
  let happened = false
  let cancel = (): void => {}
  const arm = () => {
    happened = false
    cancel = clock.after(ms, () => (happened ? arm() : resolve('silent')))
  }
  arm()
  return {
    made: () => (happened = true),
    stop() {
      stopping.abort(new Error('stopped'))
      resolve('stopped')
    },
    ended: promise,
    stopped: stopping.signal,
    cancel: () => cancel(),
  }
}
