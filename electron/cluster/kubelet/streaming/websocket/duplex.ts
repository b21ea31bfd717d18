import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** A WebSocket as one byte stream: what is inside SPDY/3.1+portforward.k8s.io. */
export function webSocketDuplex(socket: WebSocket): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: false,
    read() {
      if (socket.isPaused) socket.resume()
    },
    write(chunk: Buffer, _encoding, callback) {
      if (socket.readyState !== socket.OPEN) return callback(new Error('connection closed'))
      socket.send(chunk, { binary: true }, (error) => callback(error))
    },
    final(callback) {
      socket.close(1000)
      callback()
    },
    destroy(error, callback) {
      if (socket.readyState === socket.OPEN) socket.close(1000)
      else socket.terminate()
      callback(error)
    },
  })
  duplex.on('error', () => {})
  socket.on('message', (message: Buffer) => {
    if (!duplex.push(message)) socket.pause()
  })
  socket.on('error', () => socket.terminate())
  socket.once('close', () => {
    if (!duplex.readableEnded && !duplex.destroyed) duplex.push(null)
  })
  return duplex
}
