/**
 * How long, in at most two units while the second still matters: 45s, 3m12s, 5h, 5h20m, 12d. The rules are those that
 * people know from kubectl's AGE (k8s.io/apimachinery/pkg/util/duration).
 */
export function shortDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return pair(seconds, 60, 'm', 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return pair(minutes, 60, 'h', 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.floor(hours / 24)
  if (days < 8) return pair(hours, 24, 'd', 'h')
  if (days < 730) return `${days}d`
  if (days < 8 * 365) return pair(days, 365, 'y', 'd')
  return `${Math.floor(days / 365)}y`
}

function pair(value: number, divisor: number, unit: string, small: string): string {
  const rest = value % divisor
  return `${Math.floor(value / divisor)}${unit}${rest ? `${rest}${small}` : ''}`
}

// Made once: a formatter costs a thousand times what formatting does.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
/** Formatting takes a while too, and the moments of a table are asked for again and again. */
const formatted = new Map<number, string>()
export function longTime(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return ''
  let text = formatted.get(milliseconds)
  if (text === undefined) {
    if (formatted.size >= 2000) formatted.clear()
    formatted.set(milliseconds, (text = exact.format(milliseconds)))
  }
  return text
}
