/** Durations as Go and kubectl print them. Milliseconds in, text out. */
const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** kubectl's AGE column: two to three significant figures (apimachinery's HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / second)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(ms / minute)
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(ms / hour)
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (hours < 24 * 8) return withRest(days, 'd', hours % 24, 'h')
  if (hours < 24 * 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  return hours < 24 * 365 * 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`
}

const withRest = (whole: number, unit: string, rest: number, restUnit: string): string =>
  rest ? `${whole}${unit}${rest}${restUnit}` : `${whole}${unit}`

/** One figure only (apimachinery's ShortHumanDuration). */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / second)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.trunc(ms / minute)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.trunc(ms / hour)
  if (hours < 24) return `${hours}h`
  const days = Math.trunc(hours / 24)
  return hours < 24 * 365 ? `${days}d` : `${Math.trunc(days / 365)}y`
}

/** Go's `time.Duration.String()`: `1h2m3.5s`, `1.5s`, `200ms`, `0s`. Resolution: microseconds. */
export function goDuration(ms: number): string {
  const sign = ms < 0 ? '-' : ''
  const micros = Math.round(Math.abs(ms) * 1000)
  if (!micros) return '0s'
  if (micros < 1000) return `${sign}${micros}µs`
  if (micros < 1_000_000) return `${sign}${micros / 1000}ms`
  const hours = Math.floor(micros / 3_600_000_000)
  const minutes = Math.floor(micros / 60_000_000) % 60
  const seconds = (micros % 60_000_000) / 1_000_000
  return `${sign}${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`
}

const unitsInMs = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', second],
  ['m', minute],
  ['h', hour],
])

/** Go's `time.ParseDuration`, in milliseconds; undefined when the text is none. */
export function parseGoDuration(text: string): number | undefined {
  if (!/^[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) return undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    total += Number(number) * unitsInMs.get(unit!)!
  return text.startsWith('-') ? -total : total
}
