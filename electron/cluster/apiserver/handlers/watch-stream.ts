import type { AnswerStream } from '../transport/exchange.ts'
import { WatchBatch, type Change, type EventView } from '../storage/watch-batch.ts'
import { internal, type Status } from '#shared/kube/status.ts'
import { watchFrame } from '../../schema/protobuf.ts'
import { statusMessage } from './answer.ts'
import type { View } from './view.ts'
import type { WatchOutput } from './watch.ts'

/** A client that leaves this much unread is dropped: it will list and watch again. */
const mostUnread = 32 * 1024 * 1024
/** Large states are written in pieces of so many events or bytes, each when the one before has been read. */
const pieceLength = 500
const pieceBytes = 512 * 1024
/** So many later batches may wait behind one that is being read in pieces. */
const mostBehind = 10_000

const closing = Buffer.from('}\n')

/** `{"type":…,"object":…}` on a line of its own, or a frame of protobuf. */
type Frame = (type: string, object: Buffer) => Buffer

const line: Frame = (type, object) =>
  Buffer.concat([
    Buffer.from(`{"type":"${type}","object":`),
    object.at(-1) === 0x0a ? object.subarray(0, -1) : object,
    closing,
  ])

const frameOf = ({ format }: View): Frame => (format === 'json' ? line : watchFrame)

/** Made once per event and view. */
export function eventView(view: View): EventView {
  const frame = frameOf(view)
  const encode = ({ type, entry }: Change): Buffer => {
    try {
      return frame(type, view.one(entry))
    } catch (error) {
      // Whoever else watches must not suffer from an object that cannot be written in this form.
      return frame('ERROR', statusBytes(view, internal(`${entry.key}: ${(error as Error).message}`).status))
    }
  }
  return { key: view.key, encode }
}

const statusBytes = ({ format }: View, status: Status): Buffer =>
  format === 'json' ? Buffer.from(JSON.stringify(status)) : statusMessage(status)

/** Writes a watch to a client, never waiting for it. */
export function watchStream(stream: AnswerStream, view: View): WatchOutput {
  const first = eventView(view)
  const following = view.next ? eventView(view.next) : first
  const frame = frameOf(view)
  let begun = following === first
  /** What comes behind a large batch that is being read, and the bytes that it keeps from being forgotten. */
  let behind: (() => void)[] | undefined
  let bytesBehind = 0

  const inTurn = (step: () => void, bytes = 0) => {
    if (!behind) return step()
    behind.push(step)
    bytesBehind += bytes
    if (behind.length > mostBehind || bytesBehind > mostUnread) stream.destroy()
  }
  const write = (batch: WatchBatch, events: EventView) => {
    if (stream.buffered > mostUnread) return stream.destroy()
    stream.write(batch.bytes(events), () => batch.chunk(events))
  }
  const send = (batch: WatchBatch) => {
    if (begun) return write(batch, following)
    begun = true
    const [head, ...rest] = batch.changes
    write(new WatchBatch([head!], batch.revision), first)
    if (rest.length) write(new WatchBatch(rest, batch.revision), following)
  }
  const sendInPieces = ({ changes, revision }: WatchBatch) => {
    behind = []
    // What has been sent is let go of: it has been encoded for nobody else.
    const left = [...changes]
    const next = () => {
      send(new WatchBatch(left.splice(0, pieceOf(left)), revision))
      if (left.length) return stream.whenDrained(next)
      const steps = behind!
      behind = undefined
      bytesBehind = 0
      for (const step of steps) inTurn(step)
    }
    next()
  }
  return {
    batch(batch) {
      const { changes } = batch
      const isLarge = pieceOf(changes) < changes.length
      inTurn(() => (isLarge ? sendInPieces(batch) : send(batch)), behind ? bytesOf(changes) : 0)
    },
    bookmark: (metadata) => inTurn(() => stream.write(frame('BOOKMARK', view.bookmark(metadata ?? {})))),
    error: (status) => inTurn(() => stream.write(frame('ERROR', statusBytes(view, status)))),
    end: () => inTurn(() => stream.end()),
  }
}

const bytesOf = (changes: readonly Change[]): number => changes.reduce((sum, { entry }) => sum + entry.value.length, 0)

/** How many changes make up the first piece: one at least. */
function pieceOf(changes: readonly Change[]): number {
  let bytes = 0
  let count = 0
  while (count < changes.length && count < pieceLength && bytes < pieceBytes)
    bytes += changes[count++]!.entry.value.length
  return count
}
