import type { Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { Peer } from './exchange.ts'

/** A reader that takes nothing for so long is given up: an answer holds the state that it shows. */
const patience = 60_000

/**
 * Writes buffers one by one, asking for the next when the reader has caught up, and gives them back once they have been
 * sent. Ends quietly when the reader is gone.
 */
export async function writePieces(
  stream: Writable,
  pieces: Iterable<Buffer>,
  { clock, pieces: pool }: Pick<Peer, 'clock' | 'pieces'>,
): Promise<void> {
  for (const piece of pieces) {
    if (stream.destroyed) return
    const isTaken = stream.write(piece, (error) => {
      if (!error) pool.give(piece)
    })
    if (!isTaken && !stream.destroyed) await drained(stream, clock)
  }
}

const drained = (stream: Writable, clock: Pick<Clock, 'after'>): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.after(patience, () => stream.destroy())
    const done = () => {
      cancel()
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
