import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { closeBehindAnswer } from './linger.ts'

const headersTooLarge = [431, 'Request Header Fields Too Large']
const timedOut = [408, 'Request Timeout']
const answers: Readonly<Record<string, readonly (number | string)[]>> = {
  HPE_HEADER_OVERFLOW: headersTooLarge,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: timedOut,
}

/** The end of a connection on which no request could be read: the client is told why, as far as it can be told. */
export function answerMalformed(
  error: NodeJS.ErrnoException & { reason?: string },
  socket: Socket,
  { clock, logger }: { clock: Pick<Clock, 'after'>; logger: Pick<Logger, 'debug'> },
): void {
  if (error.code === 'ECONNRESET') return void socket.destroy()
  // It has been told, and each piece of the rest is one more error.
  if (!socket.writable) return
  const [status, text] = answers[error.code ?? ''] ?? [400, 'Bad Request']
  const why = error.reason ?? error.message
  logger.debug('a request could not be read', { client: socket.remoteAddress, status, error: why })
  const body = status === 431 ? `${status} ${text}` : `${status} ${text}: ${why}`
  socket.write(
    `HTTP/1.1 ${status} ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  closeBehindAnswer(socket, clock)
}
