/**
 * The one typed message channel between renderer and workbench: a MessagePort under Electron, a WebSocket under plain
 * Node. Both carry the same frames; this file knows neither.
 *
 * An id is the renderer's choice, and free again once its answer or close has come.
 *
 * `request`: one answer. `open`: a stream of messages both ways until either side closes.
 *
 * Where it is: under Electron the preload posts `wheelhouse:port` with a MessagePort to the page; under `serve` it is a WebSocket at
 * `/channel` of the page's origin with one JSON frame per message. The page is opened with `?token=…`; the
 * renderer takes the token off the address bar, keeps it for this tab, and hands it over as `/channel?token=…`.
 */
export type Frame =
  | { t: 'request'; id: number; method: string; params: unknown }
  | { t: 'result'; id: number; value: unknown }
  | { t: 'error'; id: number; error: ChannelError }
  | { t: 'open'; id: number; method: string; params: unknown }
  | { t: 'message'; id: number; value: unknown }
  | { t: 'close'; id: number; error?: ChannelError }
  /** The renderer no longer wants the answer of a request. */
  | { t: 'cancel'; id: number }

/** What a person is told: what went wrong and, where there is one, the cure. */
export interface ChannelError {
  /** HTTP-like code where the server gave one; 0 for no connection. */
  code: number
  /** Kubernetes reason, or a word of ours: Unreachable, Cancelled, BadRequest, Internal. */
  reason: string
  message: string
  cure?: string
  /** Fields blamed by the server. */
  causes?: { field?: string; message: string; reason?: string }[]
}

/** What either host provides: ordered, reliable delivery of frames. */
export interface FramePort {
  send(frame: Frame): void
  onFrame(callback: (frame: Frame) => void): void
  onClose(callback: () => void): void
  close(): void
  /** Bytes that the other side has not taken yet, where the carrier knows. */
  backlog?(): number
}
