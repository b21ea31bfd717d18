import type { IncomingMessage } from 'node:http'
import type { Exchange, HeaderList } from '../transport/exchange.ts'

const mostBuffered = 1024 * 1024

/** Passes a backend's answer on as it comes, no faster than the client reads. */
export function streamThrough(exchange: Exchange, answer: IncomingMessage, headers: HeaderList): void {
  const stream = exchange.stream(answer.statusCode ?? 200, headers)
  exchange.onClose(() => answer.destroy())
  answer.on('data', (chunk: Buffer) => {
    stream.write(chunk)
    if (stream.buffered < mostBuffered) return
    answer.pause()
    stream.whenDrained(() => answer.resume())
  })
  answer.once('end', () => stream.end())
  answer.once('error', () => stream.destroy())
}
