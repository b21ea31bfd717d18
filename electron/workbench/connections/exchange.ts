import http, { type IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import { WebSocket } from 'ws'

export interface Patience {
  /** Until a connection stands. */
  connectMs: number
  /** Until the first byte of an answer, and between two bytes of it. */
  answerMs: number
  /** Of a watch, whose bookmarks come about once a minute. */
  watchMs: number
}

/** Sends one request; resolves with the head of the answer, whatever its code. */
export async function exchange(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
  patience: Patience,
): Promise<IncomingMessage> {
  try {
    return await send(url, options, payload, patience)
  } catch (error) {
    // The server closed an idle connection just as it was taken up again.
    if (options.method === 'GET' && (error as { reused?: boolean }).reused)
      return await send(url, options, payload, patience)
    throw error
  }
}

function send(
  url: URL,
  options: RequestOptions,
  payload: string | undefined,
  { connectMs, answerMs }: Patience,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const late = () => request.destroy(timedOut())
    let timer = setTimeout(
      () => {
        if (!request.socket || request.socket.connecting) late()
        else if (Number.isFinite(answerMs)) timer = setTimeout(late, Math.max(0, answerMs - connectMs))
      },
      Math.min(connectMs, answerMs),
    )
    const request = (url.protocol === 'http:' ? http : https).request(url, options, (response) => {
      clearTimeout(timer)
      response.socket.setKeepAlive(true, 15_000)
      resolve(response)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const reused = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      reject(reused ? Object.assign(error, { reused }) : error)
    })
    request.end(payload)
  })
}

/** Opens a WebSocket, paused; resolves with the answer instead when the server refuses. */
export function shakeHands(
  address: string,
  protocols: readonly string[],
  options: RequestOptions,
  { answerMs }: Patience,
  signal: AbortSignal,
): Promise<WebSocket | IncomingMessage> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, [...protocols], { ...(options as object), perMessageDeflate: false })
    const give = () => socket.terminate()
    const timer = setTimeout(() => {
      done(reject)(timedOut())
      socket.terminate()
    }, answerMs)
    signal.addEventListener('abort', give, { once: true })
    const done =
      <T>(settle: (value: T) => void) =>
      (value: T) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', give)
        settle(value)
      }
    socket.on('unexpected-response', (_request, response) => done(resolve)(response))
    socket.on('open', () => {
      socket.pause()
      done(resolve)(socket)
    })
    socket.on('error', done(reject))
  })
}

const timedOut = (): Error => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })
