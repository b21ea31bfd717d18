import { readFileSync } from 'node:fs'
import path from 'node:path'

export interface Answer {
  code: number
  type?: string
  warning?: string
  body: unknown
}

/** One exchange with the real server. */
export interface Exchange {
  id: string
  area: string
  method?: string
  path: string
  headers?: Record<string, string>
  body?: unknown
  /** Reads a watch for this long. */
  watchMs?: number
  /** Waits this long before asking. */
  settle?: number
  response: Answer
}

export function readRecording(
  file = path.join(import.meta.dirname, 'recordings', 'kubernetes-1.36.jsonl'),
): Exchange[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const exchange = JSON.parse(line) as Exchange
      return 'body' in exchange ? { ...exchange, body: expand(exchange.body) } : exchange
    })
}

/** Very long texts are kept as `{"$repeat": ["x", 1000000]}`. */
function expand(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expand)
  if (value === null || typeof value !== 'object') return value
  const repeated = (value as { $repeat?: [string, number] }).$repeat
  if (repeated) return repeated[0].repeat(repeated[1])
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]))
}
