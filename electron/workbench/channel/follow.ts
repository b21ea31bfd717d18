import { pause } from '../pause.ts'
import type { Outlet } from './server.ts'

const frame = 16

/**
 * Tells a state now and after every change, for as long as the stream is open or `signal` wants, and no more often than
 * `every` milliseconds. States that change faster than that, or than the other side takes them, are left out: only the
 * newest matters.
 */
export async function follow<T>(
  outlet: Outlet<T, never>,
  read: () => T,
  subscribe: (changed: () => void) => Disposable,
  { signal = outlet.signal, every = frame }: { signal?: AbortSignal; every?: number } = {},
): Promise<void> {
  let changed = false
  let wake = () => {}
  const notice = () => {
    changed = true
    wake()
  }
  const subscription = subscribe(notice)
  signal.addEventListener('abort', notice)
  try {
    while (!signal.aborted) {
      changed = false
      outlet.send(read())
      await pause(every, signal)
      await outlet.clear()
      if (!changed) await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    subscription[Symbol.dispose]()
  }
}
