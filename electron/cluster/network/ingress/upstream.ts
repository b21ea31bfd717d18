import type { Readable, Writable } from 'node:stream'
import type { EndpointAddress } from '../api.ts'
import type { HeaderList } from './headers.ts'

/** A request as a backend is to get it. */
export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  readonly authority: string
  readonly secure: boolean
  /** End to end, with `Host` and without a length. */
  readonly headers: HeaderList
  readonly hasBody: boolean
  /** Bytes of the body, where that is known. */
  readonly length: number | undefined
}

export interface Answer {
  readonly status: number
  /** HTTP/1's words for the status. */
  readonly message: string | undefined
  /** As they were sent, those of the connection among them. */
  readonly headers: HeaderList
  readonly body: Readable
  /** True when nothing follows the head. */
  readonly empty: boolean
  /** What followed the body, once that has ended. */
  trailers(): HeaderList
}

/** A request that is on its way: the connection stands, and something of it may have been sent. */
export interface Call {
  /** Where the request's body goes. Ended by the caller, when it has one. */
  readonly body: Writable
  /** Trailers of the request: before the body's end. */
  setTrailers(trailers: HeaderList): void
  /** On a connection that had served others before: the backend may have been closing it just now. */
  readonly reused: boolean
  /** Rejects when the connection breaks before there is one. */
  readonly answer: Promise<Answer>
  /** The backend said that it has done nothing with the request. */
  readonly refused: boolean
  /** Calls back when the backend wants the body that it was told to expect. */
  onContinue(callback: () => void): void
  destroy(): void
}

export interface OpenOptions {
  /** Ends the attempt, and nothing else. */
  readonly signal: AbortSignal
  /** On a connection of its own. */
  readonly fresh: boolean
}

/** One way to speak to backends. Rejects when no connection could be had: nothing of the request was sent then. */
export interface Upstream {
  open(endpoint: EndpointAddress, request: UpstreamRequest, options: OpenOptions): Promise<Call>
  [Symbol.dispose](): void
}
