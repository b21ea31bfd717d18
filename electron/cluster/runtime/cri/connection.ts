import { credentials, loadPackageDefinition, status, type Client, type ServiceError } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import type { Clock } from '../../base/clock.ts'
import { descriptor } from './descriptor.ts'
import type { ImageCalls, RuntimeCalls } from './messages.ts'

type Calls = RuntimeCalls & ImageCalls

export interface CallOptions {
  /** Milliseconds; Infinity: as long as it takes. */
  limit?: number
  signal?: AbortSignal
}

/** The kubelet's runtimeRequestTimeout. */
const callLimit = 120_000

/** What the runtime, or the way to it, says no with. `message` is as Go prints it, `details` the runtime's own words. */
export class CriError extends Error {
  readonly code: status
  readonly details: string

  constructor({ code, details }: Pick<ServiceError, 'code' | 'details'>, cause?: unknown) {
    super(`rpc error: code = ${goName(code)} desc = ${details}`, { cause })
    this.code = code
    this.details = details
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof CriError && error.code === status.NOT_FOUND
export const isUnimplemented = (error: unknown): boolean =>
  error instanceof CriError && error.code === status.UNIMPLEMENTED
export const isOverdue = (error: unknown): boolean =>
  error instanceof CriError && error.code === status.DEADLINE_EXCEEDED

/** `NOT_FOUND` is NotFound, `CANCELLED` Canceled. */
const goName = (code: status): string =>
  code === status.CANCELLED
    ? 'Canceled'
    : status[code].toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())

type Unary = (
  request: object,
  options: { deadline: Date | number },
  done: (error: ServiceError | null, answer: object) => void,
) => { cancel(): void }

type EventStream = NodeJS.ReadableStream & { cancel(): void }

/** Calls to one runtime over its socket. The connection is made again by itself after the runtime was restarted. */
export class CriConnection implements Disposable {
  readonly #runtime: Client
  readonly #images: Client
  readonly #clock: Clock

  constructor(socket: string, clock: Clock) {
    this.#clock = clock
    const loaded = loadPackageDefinition(
      fromJSON(descriptor as Parameters<typeof fromJSON>[0], { keepCase: true, longs: Number, defaults: true }),
    )
    const { v1 } = loaded['runtime'] as unknown as {
      v1: Record<'RuntimeService' | 'ImageService', typeof Client>
    }
    const options = {
      // A list of many containers exceeds the default.
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
      // The socket's path is no host name.
      'grpc.default_authority': 'localhost',
    }
    const address = `unix:${socket}`
    this.#runtime = new v1.RuntimeService(address, credentials.createInsecure(), options)
    this.#images = new v1.ImageService(address, credentials.createInsecure(), options)
  }

  /** Rejects with CriError. */
  call<Name extends keyof Calls>(
    name: Name,
    request: Calls[Name][0],
    { limit = callLimit, signal }: CallOptions = {},
  ): Promise<Calls[Name][1]> {
    const client = name in this.#images ? this.#images : this.#runtime
    const send = (client as unknown as Record<string, Unary>)[name]!.bind(client)
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const deadline = limit === Infinity ? Infinity : new Date(this.#clock.now() + limit)
      const call = send(request, { deadline }, (error, answer) => {
        signal?.removeEventListener('abort', stop)
        if (!error) resolve(answer)
        else reject(signal?.aborted ? (signal.reason as Error) : new CriError(error, error))
      })
      const stop = () => call.cancel()
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  /** Calls back for each event of any container. Rejects when the stream ends, or the runtime has none. */
  events(onEvent: () => void, signal: AbortSignal): Promise<never> {
    const stream = (
      this.#runtime as unknown as { GetContainerEvents(request: object): EventStream }
    ).GetContainerEvents({})
    const stop = () => stream.cancel()
    signal.addEventListener('abort', stop, { once: true })
    return new Promise((_, reject) => {
      const end = (error: Error) => {
        signal.removeEventListener('abort', stop)
        reject(error)
      }
      stream.on('data', onEvent)
      stream.on('error', (error: ServiceError) => end(new CriError(error, error)))
      stream.on('end', () => end(new Error('the runtime ended its events')))
    })
  }

  [Symbol.dispose](): void {
    this.#runtime.close()
    this.#images.close()
  }
}
