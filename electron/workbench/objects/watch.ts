import { isGone, isNotFound, StatusError } from '#shared/kube/status.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { resourcePath } from '#shared/kube/resources.ts'
import type { Outlet, StreamHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { backOff, pause } from '../pause.ts'
import { objectPath } from './paths.ts'

type Message = { object?: unknown; gone?: boolean }

export function objectStreams(
  contexts: Contexts,
  retry: (failures: number) => number = backOff,
): Pick<StreamHandlers, 'object.watch'> {
  return {
    /** Follows one object through disconnections until it is gone. What the server refuses ends it. */
    'object.watch': async (ref, outlet) => {
      const { signal } = outlet
      const list = resourcePath(ref.resource, { namespace: ref.namespace })
      const teller = new Teller(outlet)
      let failures = 0
      while (!signal.aborted) {
        try {
          // Asked for anew: the context may have got other credentials.
          const connection = contexts.connection(ref.context)
          const { value } = await connection.json<KubeObject>(objectPath(ref), { signal })
          teller.tell(value)
          failures = 0
          const query = new URLSearchParams({
            watch: 'true',
            allowWatchBookmarks: 'true',
            fieldSelector: `metadata.name=${ref.name}`,
            resourceVersion: value.metadata?.resourceVersion ?? '',
            timeoutSeconds: '290',
          })
          for await (const event of await connection.watch<KubeObject>(`${list}?${query}`, signal)) {
            if (event.type === 'BOOKMARK') continue
            if (event.type === 'DELETED') return outlet.send({ gone: true })
            teller.tell(event.object)
            await outlet.clear()
          }
        } catch (error) {
          if (signal.aborted) return
          if (isNotFound(error)) return outlet.send({ gone: true })
          if (!isGone(error)) {
            // Before the first answer somebody waits for it; afterwards the context's state tells that it is away.
            if (!teller.told || isFinal(error)) throw error
            failures++
          }
        }
        // Also after a watch that ended well: a server may end them at once.
        await pause(Math.max(100, retry(failures)), signal)
      }
    },
  }
}

/** A no that asking again would not change; a server that is starting, or busy, is asked again. */
const isFinal = (error: unknown): boolean => error instanceof StatusError && error.code < 500 && error.code !== 429

/** Says no state twice. */
class Teller {
  told = false
  #outlet: Outlet<Message, never>
  #last = ''

  constructor(outlet: Outlet<Message, never>) {
    this.#outlet = outlet
  }

  tell(object: KubeObject): void {
    const { uid = '', resourceVersion = '' } = object.metadata ?? {}
    const state = `${uid} ${resourceVersion}`
    if (this.told && resourceVersion !== '' && state === this.#last) return
    this.told = true
    this.#last = state
    this.#outlet.send({ object })
  }
}
