/**
 * Times as metav1.Time and MicroTime read and write them: Go's time.Parse with the layouts RFC3339 and RFC3339Micro,
 * whose error texts reach the client.
 */
const rfc3339 = '2006-01-02T15:04:05Z07:00'
const rfc3339Micro = '2006-01-02T15:04:05.000000Z07:00'

export class TimeError extends Error {
  override readonly name = 'TimeError'
}

/** February's 29th is looked at more closely. */
const date = /\d{4}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)/
const canonicalSeconds = new RegExp(`^${date.source}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\dZ$`)
const canonicalMicros = new RegExp(`^${date.source}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{6}Z$`)

/** The time in UTC with whole seconds, as Go writes it again; null for Go's zero time. Throws TimeError. */
export function canonicalTime(text: string): string | null {
  if (canonicalSeconds.test(text)) return text.startsWith('0001-01-01T00:00:00') ? null : text
  const { seconds } = parse(text, rfc3339)
  return seconds === zeroTime ? null : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** Likewise with microseconds. */
export function canonicalMicroTime(text: string): string | null {
  if (canonicalMicros.test(text)) return text.startsWith('0001-01-01T00:00:00.000000') ? null : text
  const { seconds, fraction } = parse(text, rfc3339Micro)
  if (seconds === zeroTime && !Number(fraction)) return null
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}

const zeroTime = Date.parse('0001-01-01T00:00:00Z') / 1000

function parse(text: string, layout: string): { seconds: number; fraction: string } {
  let rest = text
  const fail = (element: string, at = rest): never => {
    throw new TimeError(
      `parsing time ${quote(text)} as ${quote(layout)}: cannot parse ${quote(at)} as ${quote(element)}`,
    )
  }
  const range = (what: string): never => {
    throw new TimeError(`parsing time ${quote(text)}: ${what} out of range`)
  }
  const digits = (pattern: RegExp, element: string): number => {
    const found = pattern.exec(rest) ?? fail(element)
    rest = rest.slice(found[0].length)
    return Number(found[0])
  }
  const literal = (char: string): void => {
    if (!rest.startsWith(char)) fail(char)
    rest = rest.slice(1)
  }
  const year = digits(/^\d{4}/, '2006')
  literal('-')
  const month = digits(/^\d\d/, '01')
  if (month < 1 || month > 12) range('month')
  literal('-')
  const day = digits(/^\d\d/, '02')
  literal('T')
  const hour = digits(/^\d\d?/, '15')
  if (hour > 23) range('hour')
  literal(':')
  const minute = digits(/^\d\d/, '04')
  if (minute > 59) range('minute')
  literal(':')
  const second = digits(/^\d\d/, '05')
  if (second > 59) range('second')
  let fraction = ''
  if (layout === rfc3339Micro) {
    const found = /^[.,](\d{6})/.exec(rest) ?? fail('.000000')
    fraction = found[1]!
    rest = rest.slice(7)
  } else {
    const found = /^[.,](\d+)/.exec(rest)
    if (found) {
      fraction = found[1]!
      rest = rest.slice(found[0].length)
    }
  }
  let offset = 0
  if (rest.startsWith('Z')) rest = rest.slice(1)
  else {
    const zone = /^([-+])(\d\d):(\d\d)/.exec(rest) ?? fail('Z07:00')
    if (Number(zone[2]) > 24) range('time zone offset hour')
    if (Number(zone[3]) > 60) range('time zone offset minute')
    offset = (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 3600 + Number(zone[3]) * 60)
    rest = rest.slice(6)
  }
  if (rest) throw new TimeError(`parsing time ${quote(text)}: extra text: ${quote(rest)}`)
  const start = new Date(0)
  start.setUTCFullYear(year, month - 1, day)
  if (start.getUTCDate() !== day) range('day')
  return { seconds: start.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset, fraction }
}

const quote = (text: string): string => JSON.stringify(text)
