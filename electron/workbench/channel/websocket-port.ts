import type { WebSocket } from 'ws'
import type { Frame, FramePort } from '#shared/ipc/channel.ts'

/** A tab that sleeps for good is given up before its backlog eats the memory; it opens the channel anew. */
const mostBacklog = 64 * 1024 * 1024
const heartbeat = 30_000

/** Frames as JSON text over a WebSocket. What is not JSON closes the socket, and so does a peer that is gone. */
export function webSocketPort(socket: WebSocket): FramePort {
  let answered = true
  const timer = setInterval(() => {
    if (!answered) return socket.terminate()
    answered = false
    socket.ping()
  }, heartbeat)
  socket.on('pong', () => (answered = true))
  socket.on('close', () => clearInterval(timer))
  // Followed by close.
  socket.on('error', () => {})
  return {
    send(frame) {
      if (socket.readyState !== socket.OPEN) return
      if (socket.bufferedAmount > mostBacklog) return socket.terminate()
      socket.send(JSON.stringify(frame))
    },
    onFrame(callback) {
      socket.on('message', (data) => {
        let frame: Frame
        try {
          frame = JSON.parse((data as Buffer).toString('utf8')) as Frame
        } catch {
          return socket.close(1007, 'not a frame')
        }
        callback(frame)
      })
    },
    onClose: (callback) => socket.on('close', callback),
    close: () => socket.close(),
    backlog: () => socket.bufferedAmount,
  }
}
