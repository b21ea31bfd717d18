import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'

/** Longer than this nobody is listened to whose answer has been written. Go's server waits as long. */
const patience = 500

/**
 * Closes a connection behind its last answer while its client may still be sending. What comes is thrown away for a
 * moment: closing on unread bytes would reset the connection and take the answer from the client.
 */
export function closeBehindAnswer(socket: Socket, clock: Pick<Clock, 'after'>): void {
  if (socket.destroyed) return
  socket.end()
  socket.resume()
  const cancel = clock.after(patience, () => socket.destroy())
  socket.once('close', cancel)
}
