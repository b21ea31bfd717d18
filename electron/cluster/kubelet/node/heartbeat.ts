import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { KubeClient } from '../../client/api.ts'
import { renewInterval, renewLease } from './lease.ts'

/** Retried soon when it fails: a node whose lease is 40 s old is taken for dead. */
const retryInterval = 1000

/** Keeps a node's lease fresh until disposed of. */
export function startHeartbeat(deps: {
  client: KubeClient
  clock: Clock
  logger: Logger
  node: { name: string; uid: string }
}): AsyncDisposable {
  const { client, clock, logger, node } = deps
  const stop = new AbortController()
  const running = (async () => {
    while (!stop.signal.aborted) {
      const failed = await renewLease(client, node, clock.now()).then(
        () => false,
        (error: Error) => {
          logger.warn('cannot renew the lease of the node', { node: node.name, error: error.message })
          return true
        },
      )
      await clock.sleep(failed ? retryInterval : renewInterval, stop.signal).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the heartbeat has been stopped'))
      await running
    },
  }
}
