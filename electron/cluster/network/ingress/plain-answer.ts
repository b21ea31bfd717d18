import { STATUS_CODES } from 'node:http'
import type { Exchange } from './exchange.ts'
import type { HeaderList } from './headers.ts'

/** An answer of the ingress controller itself: what is the matter, in one line. */
export function plainAnswer(exchange: Exchange, status: number, why: string, headers: HeaderList = []): undefined {
  if (exchange.begun || exchange.closed) return
  const type = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff']
  exchange.answer(status, [...type, ...headers], `${status} ${STATUS_CODES[status]}: ${why}\n`)
}
