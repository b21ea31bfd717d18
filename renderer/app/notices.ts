import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { isCancelled, problemOf } from '../data/errors.ts'
import type { ToastItem } from '../ui/toast.ts'

const stay = { ok: 4_000, busy: 4_000, warn: 9_000, bad: 14_000 }

/** What the app has to say in passing. Failures stay longer and name their cure. */
export const useNotices = defineStore('notices', () => {
  const items = shallowRef<readonly ToastItem[]>([])
  const timers = new Map<number, ReturnType<typeof setTimeout>>()
  let nextId = 1

  function close(id: number): void {
    clearTimeout(timers.get(id))
    timers.delete(id)
    items.value = items.value.filter((item) => item.id !== id)
  }
  const hold = (id: number): void => clearTimeout(timers.get(id))
  function release(id: number): void {
    const item = items.value.find((one) => one.id === id)
    if (item)
      timers.set(
        id,
        setTimeout(() => close(id), stay[item.tone]),
      )
  }
  function say(item: Omit<ToastItem, 'id'>): void {
    const same = items.value.find((one) => one.message === item.message && one.tone === item.tone)
    if (same) close(same.id)
    const id = nextId++
    items.value = [...items.value.slice(-3), { ...item, id }]
    release(id)
  }
  const done = (message: string): void => say({ tone: 'ok', message })
  function fail(error: unknown): void {
    if (!isCancelled(error)) say({ tone: 'bad', ...problemOf(error) })
  }
  return { items, close, hold, release, say, done, fail }
})
