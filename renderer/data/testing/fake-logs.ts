import type { StreamParams } from '#shared/ipc/contract.ts'
import type { LogLine, LogMessage } from '#shared/ipc/terminals.ts'

const paths = ['/', '/healthz', '/readyz', '/config', '/cart/items?page=2', '/checkout']

/** A talkative server: its past at once, then a line now and then. Answers how to stop it. */
export function fakeLogs(params: StreamParams<'logs.open'>, say: (message: LogMessage) => void): () => void {
  const line = (n: number, at: number): LogLine => {
    const path = paths[n % paths.length]!
    const code = n % 31 === 0 ? 500 : n % 11 === 0 ? 404 : 200
    const color = code === 200 ? 32 : code === 404 ? 33 : 31
    const text = `\x1b[2m${String(n).padStart(6, '0')}\x1b[0m \x1b[${color}m${code}\x1b[0m GET ${path} ${(n * 37) % 90} ms agent="curl/8.14" pod=${params.pod}`
    return {
      time: new Date(at).toISOString().replace('Z', '000000Z'),
      pod: params.pod,
      container: params.container ?? '',
      text,
    }
  }
  const count = params.tailLines ?? 2000
  const now = Date.now()
  say({ lines: Array.from({ length: count }, (_, n) => line(n, now - (count - n) * 200)) })
  if (params.previous) {
    say({ note: 'The container ended with exit code 1.' })
    return () => undefined
  }
  let n = count
  const timer = setInterval(() => say({ lines: [line(n++, Date.now())] }), 400)
  return () => clearInterval(timer)
}
