import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { Channel, Conversation } from '../../data/channel.ts'
import type { LogBuffer, LogEntry } from './logBuffer.ts'

export interface LogSource {
  namespace: string
  pod: string
  container: string
}
export interface LogWish {
  context: string
  sources: readonly LogSource[]
  previous: boolean
  tailLines?: number | undefined
  sinceSeconds?: number | undefined
}

/** Lines of several pods come in any order at first; they are held back this long and put in order. */
const settle = 250

const keyOf = (source: LogSource): string => `${source.namespace}/${source.pod}/${source.container}`

/**
 * Keeps one stream open per container that is wished for and fills the buffer, at most once a frame. Containers that
 * join (a pod that starts) are read from their beginning.
 */
export function useLogStreams(channel: Channel, buffer: LogBuffer, wish: () => LogWish | undefined) {
  /** Goes up whenever the buffer changed. */
  const version = shallowRef(0)
  const names: ShallowRef<readonly LogSource[]> = shallowRef([])
  const open = new Map<string, Conversation<'logs.open'>>()
  let pending: LogEntry[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let started = 0

  function flush(): void {
    timer = undefined
    if (!pending.length) return
    pending.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    buffer.push(pending)
    pending = []
    version.value++
  }
  function take(entries: LogEntry[]): void {
    for (const entry of entries) pending.push(entry)
    timer ??= setTimeout(flush, performance.now() - started < settle ? settle : 16)
  }
  const indexOf = (source: LogSource): number => {
    const index = names.value.findIndex((one) => keyOf(one) === keyOf(source))
    if (index >= 0) return index
    names.value = [...names.value, source]
    return names.value.length - 1
  }

  function start(asked: LogWish, source: LogSource, fromStart: boolean): void {
    const index = indexOf(source)
    const note = (text: string): void => take([{ time: new Date().toISOString(), source: index, text, note: true }])
    const conversation = channel.openOnce(
      'logs.open',
      {
        context: asked.context,
        ...source,
        previous: asked.previous,
        follow: !asked.previous,
        ...(asked.tailLines === undefined || fromStart ? {} : { tailLines: asked.tailLines }),
        ...(asked.sinceSeconds === undefined || fromStart ? {} : { sinceSeconds: asked.sinceSeconds }),
      },
      {
        message: ({ lines, note: said, error }) => {
          if (lines) take(lines.map((line) => ({ time: line.time, source: index, text: line.text })))
          if (said) note(said)
          if (error) note(error)
        },
        close: (error) => {
          open.delete(keyOf(source))
          if (error) note([error.message, error.cure].filter(Boolean).join(' '))
        },
      },
    )
    open.set(keyOf(source), conversation)
  }

  function stop(): void {
    for (const conversation of open.values()) conversation.close()
    open.clear()
  }
  function restart(): void {
    stop()
    buffer.clear()
    pending = []
    names.value = []
    started = performance.now()
    version.value++
    const asked = wish()
    for (const source of asked?.sources ?? []) start(asked!, source, false)
  }

  watch(
    () => {
      const asked = wish()
      return asked && JSON.stringify([asked.context, asked.previous, asked.tailLines, asked.sinceSeconds])
    },
    restart,
    { immediate: true },
  )
  watch(
    () => wish()?.sources.map(keyOf).join('\n'),
    () => {
      const asked = wish()
      const wanted = new Set(asked?.sources.map(keyOf))
      for (const [key, conversation] of open) {
        if (wanted.has(key)) continue
        conversation.close()
        open.delete(key)
      }
      const known = new Set(names.value.map(keyOf))
      const first = names.value.length === 0
      for (const source of asked?.sources ?? []) {
        if (!open.has(keyOf(source)) && !known.has(keyOf(source))) start(asked!, source, !first)
      }
    },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
    stop()
  })
  return { version, names, restart }
}
