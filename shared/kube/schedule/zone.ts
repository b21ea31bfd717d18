/** What clocks show in a time zone, from the tables of the platform. Source of the rules: Go's package time. */
export interface LocalTime {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** From 0, Sunday. */
  readonly weekday: number
}

export interface Zone {
  /** Milliseconds that local time is ahead of UTC at this instant. */
  offsetAt(ms: number): number
}

export const utc: Zone = { offsetAt: () => 0 }

const known = new Map<string, Zone>([['UTC', utc]])

/** By IANA name; undefined when there is none of that name. */
export function zoneNamed(name: string): Zone | undefined {
  // Offsets such as +01:00 are known to JavaScript, but are no names.
  if (!/^[A-Za-z]/.test(name)) return undefined
  const zone = known.get(name) ?? makeZone(name)
  if (zone) known.set(name, zone)
  return zone
}

function makeZone(timeZone: string): Zone | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    const shape = /(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/
    return {
      offsetAt(ms) {
        const whole = Math.floor(ms / 1000) * 1000
        const [, month, day, year, hour, minute, second] = shape.exec(format.format(whole))!.map(Number)
        return Date.UTC(year!, month! - 1, day, hour, minute, second) - whole
      },
    }
  } catch {
    return undefined
  }
}

export function localTime(zone: Zone, ms: number): LocalTime {
  const shifted = new Date(ms + zone.offsetAt(ms))
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    weekday: shifted.getUTCDay(),
  }
}

/**
 * The instant at which clocks show this. Months and days may lie beyond their ends. Of a time that does not exist or
 * comes twice, the one that Go's time.Date gives.
 */
export function instantOf(
  zone: Zone,
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
): number {
  const local = Date.UTC(year, month - 1, day, hour, minute, second)
  const guess = zone.offsetAt(local)
  return local - zone.offsetAt(local - guess)
}

/** RFC 3339 in that zone. */
export function formatIn(zone: Zone, ms: number): string {
  const offset = zone.offsetAt(ms)
  const text = new Date(ms + offset).toISOString().replace(/\.\d+Z$/, '')
  if (offset === 0) return `${text}Z`
  const minutes = Math.abs(Math.trunc(offset / 60_000))
  const two = (number: number) => String(number).padStart(2, '0')
  return `${text}${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`
}
