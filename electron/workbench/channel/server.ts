import { z } from 'zod'
import type { Frame, FramePort } from '#shared/ipc/channel.ts'
import {
  requests,
  streams,
  type RequestMethod,
  type Requests,
  type RequestResult,
  type StreamDown,
  type StreamMethod,
  type Streams,
} from '#shared/ipc/contract.ts'
import { Failure, toChannelError } from '../failure.ts'
import { pause } from '../pause.ts'

export type RequestHandlers = {
  [M in RequestMethod]: (
    params: z.output<Requests[M]['params']>,
    signal: AbortSignal,
  ) => Promise<RequestResult<M>> | RequestResult<M>
}

/** The workbench's end of an open stream. */
export interface Outlet<Down, Up> {
  send(message: Down): void
  /** Called for every message of the renderer, already validated. What it throws ends the stream. */
  onMessage(callback: (message: Up) => void): void
  /** Aborts when the renderer closes the stream or goes away. */
  readonly signal: AbortSignal
  /** The other side lags: what can wait or be left out should be. */
  readonly congested: boolean
  /** Resolves once the other side has caught up, or is gone. */
  clear(): Promise<void>
}

/** A stream lasts until the handler's promise settles; a rejection is told to the renderer. */
export type StreamHandlers = {
  [M in StreamMethod]: (
    params: z.output<Streams[M]['params']>,
    outlet: Outlet<StreamDown<M>, z.output<Streams[M]['up']>>,
  ) => Promise<void>
}

const id = z.number().int().min(0)
const text = z.string().max(100)
const upward: z.ZodType<Frame> = z.discriminatedUnion('t', [
  z.object({ t: z.enum(['request', 'open']), id, method: text, params: z.unknown().optional() }),
  z.object({ t: z.literal('message'), id, value: z.unknown().optional() }),
  z.object({ t: z.enum(['close', 'cancel']), id }),
]) as z.ZodType<Frame>

/** Bytes under way to the other side from which on it counts as lagging. */
const congestion = 1024 * 1024
/** A window needs dozens of calls at a time, not thousands. */
const mostOpen = 2000

interface Open {
  abort: AbortController
  receive?: (value: unknown) => void
  /** Ends the stream with an error. */
  fail(error: unknown): void
}

/** Serves one port until it closes. Nothing that the renderer sends reaches a handler before its schema accepted it. */
export function serveChannel(port: FramePort, handlers: { requests: RequestHandlers; streams: StreamHandlers }): void {
  const open = new Map<number, Open>()
  const congested = () => (port.backlog?.() ?? 0) > congestion

  port.onClose(() => {
    for (const id of open.keys()) forget(id, 'the window was closed')
  })

  /** Forgotten first, so that what the abort sets in motion finds nobody to speak to. */
  function forget(id: number, why: string): void {
    const entry = open.get(id)
    open.delete(id)
    entry?.abort.abort(new Failure('Cancelled', why))
  }

  port.onFrame((received) => {
    const checked = upward.safeParse(received)
    if (!checked.success) return
    const frame = checked.data
    switch (frame.t) {
      case 'request':
      case 'open':
        if (open.has(frame.id) || open.size >= mostOpen) refuse(frame)
        else void (frame.t === 'request' ? answer(frame) : converse(frame))
        break
      case 'message':
        receive(frame)
        break
      case 'close':
      case 'cancel':
        forget(frame.id, 'no longer wanted')
        break
      default:
        break
    }
  })

  /** Says nothing on an id that is in use: that would end what is going on there. */
  function refuse(frame: Frame & { t: 'request' | 'open' }): void {
    if (open.has(frame.id)) return
    const error = toChannelError(
      new Failure('TooManyRequests', 'Too much is going on in this window.', 'Close some of its tabs.'),
    )
    port.send({ t: frame.t === 'request' ? 'error' : 'close', id: frame.id, error })
  }

  function receive({ id, value }: Frame & { t: 'message' }): void {
    const entry = open.get(id)
    try {
      entry?.receive?.(value)
    } catch (error) {
      entry?.fail(error)
    }
  }

  async function answer({ id, method, params }: Frame & { t: 'request' }): Promise<void> {
    const abort = new AbortController()
    const entry: Open = { abort, fail: () => {} }
    const conclude = (frame: Frame) => {
      // Another call may have the id by now.
      if (open.get(id) !== entry) return
      open.delete(id)
      port.send(frame)
    }
    open.set(id, entry)
    try {
      const definition = lookUp(requests, method)
      const input = validate(definition.params, params, method)
      const handler = handlers.requests[method as RequestMethod] as (input: unknown, signal: AbortSignal) => unknown
      const value = await handler(input, abort.signal)
      conclude({ t: 'result', id, value })
    } catch (error) {
      conclude({ t: 'error', id, error: toChannelError(error) })
    }
  }

  async function converse({ id, method, params }: Frame & { t: 'open' }): Promise<void> {
    const abort = new AbortController()
    const entry: Open = {
      abort,
      fail: (error) => {
        conclude({ t: 'close', id, error: toChannelError(error) })
        abort.abort(error)
      },
    }
    const conclude = (frame: Frame) => {
      if (open.get(id) !== entry) return
      open.delete(id)
      port.send(frame)
    }
    open.set(id, entry)
    try {
      const definition = lookUp(streams, method)
      const input = validate(definition.params, params, method)
      const outlet: Outlet<unknown, unknown> = {
        send: (value) => {
          if (open.get(id) === entry) port.send({ t: 'message', id, value })
        },
        onMessage: (callback) => {
          entry.receive = (value) => callback(validate(definition.up, value, method))
        },
        signal: abort.signal,
        get congested() {
          return congested()
        },
        async clear() {
          while (congested() && !abort.signal.aborted) await pause(50, abort.signal)
        },
      }
      const handler = handlers.streams[method as StreamMethod] as (
        input: unknown,
        outlet: Outlet<unknown, unknown>,
      ) => Promise<void>
      await handler(input, outlet)
      conclude({ t: 'close', id })
    } catch (error) {
      conclude({ t: 'close', id, error: toChannelError(error) })
    } finally {
      abort.abort()
    }
  }
}

function lookUp<T extends object>(table: T, method: string): T[keyof T] {
  if (!Object.hasOwn(table, method)) throw new Failure('BadRequest', `There is no call ${method}.`)
  return table[method as keyof T]
}

function validate(schema: z.ZodType, params: unknown, method: string): unknown {
  const checked = schema.safeParse(params)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  throw new Failure('BadRequest', `${method}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`)
}
