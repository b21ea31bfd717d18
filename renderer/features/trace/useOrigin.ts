import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import { refOf } from '../../data/kinds.ts'
import { useChannel } from '../../data/useChannel.ts'
import { traces, type Trace } from '#shared/kube/trace.ts'
import { entryOfTrace, type Entry } from './entries.ts'

export interface Origin {
  /** From what it all began with. */
  before: readonly Entry[]
  /** The first of them came of something, too, that is kept no longer or may not be read. */
  lost: boolean
}

/** What an entry came of, step by step up to its root. */
export function useOrigin(context: string, entry: Entry): Readonly<ShallowRef<Origin | undefined>> {
  const channel = useChannel()
  const origin = shallowRef<Origin>()
  const stop = new AbortController()
  async function follow(): Promise<void> {
    const before: Entry[] = []
    let parent = entry.parent
    while (parent !== undefined) {
      const [namespace = '', name = ''] = parent.split('/')
      const ref = { context, resource: refOf(traces), namespace, name }
      const found = await channel.request('object.get', ref, stop.signal).catch(() => undefined)
      if (stop.signal.aborted) return
      if (!found) break
      const step = entryOfTrace(found as Trace)
      before.unshift(step)
      parent = step.parent
    }
    origin.value = { before, lost: parent !== undefined }
  }
  void follow()
  onScopeDispose(() => stop.abort())
  return origin
}
