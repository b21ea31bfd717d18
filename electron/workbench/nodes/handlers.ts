import type { RequestHandlers, StreamHandlers } from '../channel/server.ts'
import { follow } from '../channel/follow.ts'
import type { Contexts } from '../connections/contexts.ts'
import { Drain, type DrainPace } from './drain.ts'
import { drainPlan } from './drain-plan.ts'

export const nodeRequests = (contexts: Contexts): Pick<RequestHandlers, 'node.drainPlan'> => ({
  'node.drainPlan': ({ context, name }, signal) => drainPlan(contexts.connection(context), name, signal),
})

export const nodeStreams = (
  contexts: Contexts,
  pace: DrainPace = { retryMs: 5000, lookMs: 1000 },
): Pick<StreamHandlers, 'node.drain'> => ({
  'node.drain': async ({ context, name, ...wish }, outlet) => {
    const connection = contexts.connection(context)
    const plan = await drainPlan(connection, name, outlet.signal)
    let notice = () => {}
    const drain = new Drain(connection, { node: name, ...wish }, plan, pace, () => notice())
    const finished = new AbortController()
    const telling = follow(
      outlet,
      () => drain.progress,
      (changed) => {
        notice = changed
        return { [Symbol.dispose]: () => (notice = () => {}) }
      },
      { signal: AbortSignal.any([outlet.signal, finished.signal]) },
    )
    try {
      await drain.run(outlet.signal)
    } finally {
      finished.abort()
      await telling
      outlet.send(drain.progress)
    }
  },
})
