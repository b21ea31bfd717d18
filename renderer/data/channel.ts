import { readonly, shallowRef, type ShallowRef } from 'vue'
import type { ChannelError, Frame, FramePort } from '#shared/ipc/channel.ts'
import type {
  RequestMethod,
  RequestParams,
  RequestResult,
  StreamDown,
  StreamMethod,
  StreamParams,
  StreamUp,
} from '#shared/ipc/contract.ts'
import { ChannelFailure } from './errors.ts'
import type { Connect } from './ports.ts'

export type Link = { state: 'connecting' } | { state: 'open' } | { state: 'away'; since: number }

export interface StreamHandlers<M extends StreamMethod> {
  message(value: StreamDown<M>): void
  /** The other side ended it. Not called after our own close. */
  close?(error: ChannelFailure | undefined): void
}

export interface Conversation<M extends StreamMethod> {
  send(value: StreamUp<M>): void
  close(): void
}

export interface Channel {
  readonly link: Readonly<ShallowRef<Link>>
  request<M extends RequestMethod>(method: M, params: RequestParams<M>, signal?: AbortSignal): Promise<RequestResult<M>>
  /** `params` is asked again whenever the stream is opened anew, after the workbench was away. */
  open<M extends StreamMethod>(method: M, params: () => StreamParams<M>, on: StreamHandlers<M>): Conversation<M>
  /** As {@link Channel.open}, for what must not silently start over: it ends when the workbench goes away. */
  openOnce<M extends StreamMethod>(method: M, params: StreamParams<M>, on: StreamHandlers<M>): Conversation<M>
  retryNow(): void
}

interface PendingRequest {
  frame: Frame
  resolve(value: unknown): void
  reject(error: Error): void
}

interface OpenStream {
  method: string
  resumes: boolean
  params(): unknown
  message(value: unknown): void
  close?: ((error: ChannelFailure | undefined) => void) | undefined
}

export interface ChannelDeps {
  connect: Connect
  now?: () => number
  /** Milliseconds to wait before the given attempt (0 first). */
  delay?: (attempt: number) => number
}

const away = (): ChannelFailure =>
  new ChannelFailure({
    code: 0,
    reason: 'Unreachable',
    message: 'Wheelhouse’s workbench went away before it answered.',
    cure: 'It is being reached again; repeat this in a moment.',
  })

/**
 * One channel for the whole page. Requests made while connecting wait for the link; watches survive a lost link by
 * being opened again; anything else fails at once and says so.
 */
export function createChannel(deps: ChannelDeps): Channel {
  const now = deps.now ?? Date.now
  const delay = deps.delay ?? ((attempt) => Math.min(5_000, 200 * 2 ** attempt))
  const link = shallowRef<Link>({ state: 'connecting' })
  const requests = new Map<number, PendingRequest>()
  const streams = new Map<number, OpenStream>()
  let port: FramePort | undefined
  let nextId = 1
  let attempt = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const openFrame = (id: number, stream: OpenStream): Frame => ({
    t: 'open',
    id,
    method: stream.method,
    params: stream.params(),
  })

  function receive(frame: Frame): void {
    switch (frame.t) {
      case 'result':
      case 'error': {
        const request = requests.get(frame.id)
        requests.delete(frame.id)
        if (frame.t === 'result') request?.resolve(frame.value)
        else request?.reject(new ChannelFailure(frame.error))
        break
      }
      case 'message':
        streams.get(frame.id)?.message(frame.value)
        break
      case 'close':
        endStream(frame.id, frame.error)
        break
    }
  }

  function endStream(id: number, error: ChannelError | undefined): void {
    const stream = streams.get(id)
    streams.delete(id)
    stream?.close?.(error && new ChannelFailure(error))
  }

  function lost(): void {
    port = undefined
    if (link.value.state !== 'away') link.value = { state: 'away', since: now() }
    for (const request of requests.values()) request.reject(away())
    requests.clear()
    for (const [id, stream] of streams) {
      if (stream.resumes) continue
      streams.delete(id)
      stream.close?.(away())
    }
    schedule()
  }

  function schedule(): void {
    clearTimeout(timer)
    timer = setTimeout(() => void connect(), delay(attempt++))
  }

  async function connect(): Promise<void> {
    try {
      const opened = await deps.connect()
      opened.onFrame(receive)
      opened.onClose(() => {
        if (port === opened) lost()
      })
      port = opened
      attempt = 0
      link.value = { state: 'open' }
      for (const [id, stream] of streams) opened.send(openFrame(id, stream))
      for (const request of requests.values()) opened.send(request.frame)
    } catch {
      if (link.value.state !== 'away') link.value = { state: 'away', since: now() }
      schedule()
    }
  }

  function openStream(stream: OpenStream): { send(value: unknown): void; close(): void } {
    const id = nextId++
    streams.set(id, stream)
    if (port) port.send(openFrame(id, stream))
    else if (!stream.resumes && link.value.state === 'away') queueMicrotask(() => endStream(id, awayError()))
    return {
      send: (value) => {
        if (streams.has(id)) port?.send({ t: 'message', id, value })
      },
      close: () => {
        if (streams.delete(id)) port?.send({ t: 'close', id })
      },
    }
  }

  void connect()

  return {
    link: readonly(link) as Readonly<ShallowRef<Link>>,
    request: (method, params, signal) =>
      new Promise((resolve, reject) => {
        if (!port && link.value.state === 'away') return reject(away())
        const id = nextId++
        const frame: Frame = { t: 'request', id, method, params }
        requests.set(id, { frame, resolve: resolve as (value: unknown) => void, reject })
        port?.send(frame)
        signal?.addEventListener('abort', () => {
          if (!requests.delete(id)) return
          port?.send({ t: 'cancel', id })
          reject(new ChannelFailure({ code: 0, reason: 'Cancelled', message: 'Cancelled.' }))
        })
      }),
    open: (method, params, on) =>
      openStream({ method, resumes: true, params, message: on.message as (value: unknown) => void, close: on.close }),
    openOnce: (method, params, on) =>
      openStream({
        method,
        resumes: false,
        params: () => params,
        message: on.message as (value: unknown) => void,
        close: on.close,
      }),
    retryNow: () => {
      if (port) return
      attempt = 0
      schedule()
    },
  }
}

const awayError = (): ChannelError => {
  const { code, reason, message, cure } = away()
  return { code, reason, message, ...(cure ? { cure } : {}) }
}
