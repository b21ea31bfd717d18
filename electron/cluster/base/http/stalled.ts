import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'

export interface StalledDeps {
  clock: Pick<Clock, 'after'>
  logger: Pick<Logger, 'info'>
  sockets: ReadonlySet<Socket>
  sessions: ReadonlySet<ServerHttp2Session>
}

/** Twice in a row without a byte taken, a connection that has bytes waiting is given up. */
const every = 30_000

/** Drops connections whose clients read nothing while something waits for them: what waits is memory of ours. */
export function dropStalled({ clock, logger, sockets, sessions }: StalledDeps): Disposable {
  /** What each connection that waits had sent when it was last looked at. */
  let before = new Map<object, number>()
  let cancel = (): void => {}
  const look = () => {
    const now = new Map<object, number>()
    const judge = (connection: Socket | ServerHttp2Session, waiting: boolean, sent: number) => {
      if (!waiting) return
      if (before.get(connection) !== sent) return void now.set(connection, sent)
      const { remoteAddress } = 'socket' in connection ? connection.socket : connection
      logger.info('a client that reads nothing was dropped', { client: remoteAddress })
      connection.destroy()
    }
    for (const socket of sockets) judge(socket, socket.writableLength > 0, socket.bytesWritten - socket.writableLength)
    // Frames that the kernel does not take pile up in the session.
    for (const session of sessions)
      judge(session, (session.state.outboundQueueSize ?? 0) > 0, session.socket?.bytesWritten ?? 0)
    before = now
    cancel = clock.after(every, look)
  }
  cancel = clock.after(every, look)
  return { [Symbol.dispose]: () => cancel() }
}
