import { CelError } from './errors.ts'

const second = 1_000_000_000n
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
}
const earliest = -62135596800n * second
const latest = 253402300800n * second

/** Nanoseconds, as Go's time.Duration: within 63 bits. */
export class Duration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    if (nanos >= 2n ** 63n || nanos < -(2n ** 63n)) throw new CelError('duration overflow')
    this.nanos = nanos
  }

  /** As Go's ParseDuration reads it. */
  static parse(text: string): Duration | undefined {
    const [, sign, rest = ''] = /^([+-]?)(.*)$/s.exec(text)!
    if (rest === '0') return new Duration(0n)
    if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined
    let nanos = 0n
    for (const [, whole = '', fraction = '', unit = ''] of rest.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g))
      nanos +=
        BigInt(whole || '0') * units[unit]! + (BigInt(fraction || '0') * units[unit]!) / 10n ** BigInt(fraction.length)
    return nanos >= 2n ** 63n ? undefined : new Duration(sign === '-' ? -nanos : nanos)
  }

  /** As CEL writes durations: seconds. */
  toString(): string {
    return `${decimal(this.nanos)}s`
  }
}

function decimal(nanos: bigint): string {
  const positive = nanos < 0n ? -nanos : nanos
  const fraction = String(positive % second)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${nanos < 0n ? '-' : ''}${positive / second}${fraction && `.${fraction}`}`
}

/** Nanoseconds since 1970, years 1 to 9999. */
export class Timestamp {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    if (nanos < earliest || nanos >= latest) throw new CelError('timestamp overflow')
    this.nanos = nanos
  }

  /** RFC 3339. */
  static parse(text: string): Timestamp | undefined {
    const parts = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text)
    if (!parts) return undefined
    const [, date = '', time = '', fraction = '', zone = ''] = parts
    const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`)
    // Date takes February 30th for March 1st or 2nd; RFC 3339 does not.
    if (Number.isNaN(ms) || new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date) return undefined
    return new Timestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0') || '0'))
  }

  static ofDate(text: string): Timestamp | undefined {
    return /^\d{4}-\d\d-\d\d$/.test(text) ? Timestamp.parse(`${text}T00:00:00Z`) : undefined
  }

  /** The milliseconds of JavaScript's Date. */
  get milliseconds(): number {
    return Number(floorDivide(this.nanos, 1_000_000n))
  }

  get seconds(): bigint {
    return floorDivide(this.nanos, second)
  }

  toString(): string {
    const fraction = this.nanos - this.seconds * second
    const digits = fraction ? `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}` : ''
    return `${new Date(Number(this.seconds) * 1000).toISOString().slice(0, 19)}${digits}Z`
  }
}

const floorDivide = (a: bigint, b: bigint): bigint => (a >= 0n || a % b === 0n ? a / b : a / b - 1n)

/** What a clock and calendar there show at the time. Zones: IANA names or offsets such as +02:00. */
export function calendar(at: Timestamp, zone: string | undefined): Date {
  if (!zone || zone === 'UTC') return new Date(at.milliseconds)
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone)
  if (offset) {
    const minutes = (Number(offset[2]) * 60 + Number(offset[3])) * (offset[1] === '-' ? -1 : 1)
    return new Date(at.milliseconds + minutes * 60_000)
  }
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(new Date(at.milliseconds))
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
    const ms = ((at.milliseconds % 1000) + 1000) % 1000
    return new Date(Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'), ms))
  } catch {
    throw new CelError(`unknown time zone ${zone}`)
  }
}
