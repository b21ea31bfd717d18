/** Structured log lines. `component` is set once by `child`. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  child(component: string): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Writes one JSON line per record through `write` (a whole line, newline included). */
export function lineLogger(
  write: (line: string) => void,
  now: () => number,
  level: LogLevel = 'info',
  component = '',
): Logger {
  const log = (at: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
    if (rank[at] < rank[level]) return
    write(JSON.stringify({ time: new Date(now()).toISOString(), level: at, component, message, ...fields }) + '\n')
  }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (name) => lineLogger(write, now, level, component ? `${component}.${name}` : name),
  }
}

export const silentLogger: Logger = lineLogger(
  () => {},
  () => 0,
  'error',
)
