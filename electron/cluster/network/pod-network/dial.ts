import { connect, type Socket } from 'node:net'

/** Half-open sockets: a client may end its request before the answer. */
export function dialTcp(host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    const settle = () => {
      socket.off('error', onError)
      signal?.removeEventListener('abort', onAbort)
    }
    const onError = (error: Error) => {
      settle()
      reject(error)
    }
    const onAbort = () => {
      settle()
      socket.destroy()
      reject(signal!.reason as Error)
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
