import { pods } from '#shared/kube/resources.ts'
import { isGone, StatusError } from '#shared/kube/status.ts'
import { keyOf } from '#shared/kube/object.ts'
import { backoffDelay } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import type { Pod } from '../types.ts'

export interface PodWatchDeps {
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  seen(pod: Pod): void
  gone(key: string): void
  /** Keys that are known, to find out what went while nobody watched. */
  known(): Iterable<string>
}

const retry = { initial: 500, max: 15_000, jitter: 1 }

/**
 * Every bound pod of the cluster, shown once and then forgotten: unlike an informer it keeps no objects, for there may
 * be tens of thousands. Ends with the signal.
 */
export async function watchPods(deps: PodWatchDeps, signal: AbortSignal, listed: () => void): Promise<void> {
  const { client, clock, random, logger } = deps
  const bound = { fieldSelector: 'spec.nodeName!=' }
  let revision: string | undefined
  for (let failures = 0; !signal.aborted;) {
    try {
      if (revision === undefined) {
        revision = await list()
        listed()
      }
      for await (const event of client.watch(pods, {
        ...bound,
        resourceVersion: revision,
        allowBookmarks: true,
        signal,
      })) {
        failures = 0
        if (event.type === 'ERROR') throw new StatusError(event.object as unknown as StatusError['status'])
        revision = event.object.metadata?.resourceVersion ?? revision
        if (event.type === 'DELETED') deps.gone(keyOf(event.object))
        else if (event.type !== 'BOOKMARK') deps.seen(event.object)
      }
    } catch (error) {
      if (signal.aborted) return
      if (isGone(error)) revision = undefined
      logger.warn('the watch of simulated pods failed; will try again', { error: (error as Error).message })
    }
    await clock.sleep(backoffDelay(failures++, retry, random), signal).catch(() => {})
  }

  async function list(): Promise<string | undefined> {
    const missing = new Set(deps.known())
    let token: string | undefined
    let at: string | undefined
    do {
      const page = await client.list(pods, { ...bound, limit: 500, continue: token })
      for (const pod of page.items) {
        missing.delete(keyOf(pod))
        deps.seen(pod)
      }
      at ??= page.metadata.resourceVersion
      token = page.metadata.continue
    } while (token)
    for (const key of missing) deps.gone(key)
    return at
  }
}
