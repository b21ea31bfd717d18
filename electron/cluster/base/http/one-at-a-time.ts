import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** Nobody sends so many requests ahead of their answers but to fill our memory. */
const mostAhead = 1000

/**
 * Serves the requests of a connection one after the other, each when the answer before it has left. Node would hand over
 * all that a client sends ahead, and a few bytes of requests would become any amount of answers that wait to be read.
 */
export function oneAtATime(handle: Handle): Handle {
  /** What waits behind the request that is being answered. */
  const ahead = new WeakMap<Socket, [IncomingMessage, ServerResponse][]>()

  const serve: Handle = (request, response) => {
    const { socket } = request
    response.once('close', () => {
      const next = ahead.get(socket)?.shift()
      if (next) serve(...next)
      else ahead.delete(socket)
    })
    handle(request, response)
  }

  return (request, response) => {
    const { socket } = request
    const waiting = ahead.get(socket)
    if (!waiting) {
      ahead.set(socket, [])
      serve(request, response)
    } else if (waiting.push([request, response]) > mostAhead) socket.destroy()
  }
}
