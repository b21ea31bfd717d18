import { Duration, Timestamp } from '../values/time.ts'
import { CelError } from '../values/errors.ts'
import { Uint, type CelValue } from '../values/values.ts'
import { overload, readsFirst, type Overload } from './overload.ts'

export function checkedInt(value: bigint): bigint {
  if (value < -(2n ** 63n) || value >= 2n ** 63n) throw new CelError('integer overflow')
  return value
}

function integerOf(text: string, from: bigint, to: bigint, parser: string): bigint {
  const say = (why: string) => new CelError(`strconv.${parser}: parsing ${JSON.stringify(text)}: ${why}`)
  const pattern = from < 0n ? /^[+-]?\d+$/ : /^\d+$/
  if (!pattern.test(text)) throw say('invalid syntax')
  const value = BigInt(text.replace(/^\+/, ''))
  if (value < from || value >= to) throw say('value out of range')
  return value
}

function doubleToInt(value: number): bigint {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) throw new CelError('integer overflow')
  return BigInt(Math.trunc(value))
}

function doubleOf(text: string): number {
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (word) return /nan/i.test(word[2]!) ? Number.NaN : word[1] === '-' ? -Infinity : Infinity
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
  throw new CelError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`)
}

/** As Go's 'g' format writes it. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  if (value === 0) return '0'
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 21) {
    const plain = String(value)
    return plain.includes('e') ? value.toFixed(Math.max(0, digits.length - 2 - power)) : plain
  }
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

const boolOf = (text: string): boolean => {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  throw new CelError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string')
  }
}

const same = (value: CelValue) => value

export const conversions: readonly Overload[] = [
  overload('bool(bool): bool', same),
  overload('bool(string): bool', boolOf),
  overload('bytes(bytes): bytes', same),
  overload('bytes(string): bytes', (text: string) => new TextEncoder().encode(text), readsFirst),
  overload('double(double): double', same),
  overload('double(int): double', (value: bigint) => Number(value)),
  overload('double(uint): double', ({ value }: Uint) => Number(value)),
  overload('double(string): double', doubleOf),
  overload('int(int): int', same),
  overload('int(double): int', doubleToInt),
  overload('int(uint): int', ({ value }: Uint) => checkedInt(value)),
  overload('int(timestamp): int', (at: Timestamp) => at.seconds),
  overload('int(duration): int', ({ nanos }: Duration) => nanos),
  overload('int(string): int', (text: string) => integerOf(text, -(2n ** 63n), 2n ** 63n, 'ParseInt')),
  overload('uint(uint): uint', same),
  overload('uint(double): uint', (value: number) => {
    if (!Number.isFinite(value)) throw new CelError('unsigned integer overflow')
    return new Uint(BigInt(Math.trunc(value)))
  }),
  overload('uint(int): uint', (value: bigint) => new Uint(value)),
  overload('uint(string): uint', (text: string) => new Uint(integerOf(text, 0n, 2n ** 64n, 'ParseUint'))),
  overload('string(string): string', same),
  overload('string(bool): string', String),
  overload('string(int): string', String),
  overload('string(uint): string', ({ value }: Uint) => String(value)),
  overload('string(double): string', formatDouble),
  overload('string(bytes): string', textOf, readsFirst),
  overload('string(timestamp): string', String),
  overload('string(duration): string', String),
  overload('timestamp(timestamp): timestamp', same),
  overload('timestamp(int): timestamp', (seconds: bigint) => new Timestamp(seconds * 1_000_000_000n)),
  overload('timestamp(string): timestamp', (text: string) => {
    const found = Timestamp.parse(text)
    if (!found) throw new CelError(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse`)
    return found
  }),
  overload('duration(duration): duration', same),
  overload('duration(int): duration', (nanos: bigint) => new Duration(nanos)),
  overload('duration(string): duration', (text: string) => {
    const found = Duration.parse(text)
    if (!found) throw new CelError(`time: invalid duration ${JSON.stringify(text)}`)
    return found
  }),
]
