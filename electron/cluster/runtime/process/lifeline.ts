import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'

/**
 * The cluster's end of the lifeline that every shim holds: while it is open, pods live; disposing it tells the shims to
 * stop their pods, and waits (bounded) until they are gone. When the process dies without that, shims notice by themselves.
 */
export async function serveLifeline(path: string, clock: Clock, patienceMs = 4000): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>()
  let empty: (() => void) | undefined
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (!sockets.size) empty?.()
    })
    socket.resume()
  })
  if (process.platform !== 'win32') rmSync(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  if (process.platform !== 'win32') chmodSync(path, 0o600)
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      if (sockets.size) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(patienceMs, resolve)
          empty = () => {
            cancel()
            resolve()
          }
          for (const socket of sockets) socket.write('end\n')
        })
      }
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
