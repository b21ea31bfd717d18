import { typeNameOf } from '../values/json.ts'
import { Duration, Timestamp } from '../values/time.ts'
import { CelError } from '../values/errors.ts'
import { isList, isMap, Optional, TypeValue, Uint, type CelValue } from '../values/values.ts'
import { formatDouble } from './conversions.ts'

/** `"%s is %d".format([…])`: the clauses s, d, f, e, b, x, X and o. Source: cel-go's ext/formatting.go. */
export function formatString(format: string, args: readonly CelValue[]): string {
  let next = 0
  const made = format.replaceAll(/%(?:%|(?:\.(\d+))?(.)?)/gsu, (all, precision?: string, clause?: string) => {
    if (all === '%%') return '%'
    if (clause === undefined) throw new CelError('unexpected end of string')
    if (next >= args.length) throw new CelError(`index ${next} out of range`)
    return clauseOf(clause, args[next++]!, precision === undefined ? undefined : Number(precision))
  })
  if (next < args.length)
    throw new CelError(`too many arguments supplied to string.format (expected ${next}, got ${args.length})`)
  return made
}

function clauseOf(clause: string, value: CelValue, precision: number | undefined): string {
  switch (clause) {
    case 's':
      return textOf(value)
    case 'd':
      if (typeof value === 'number' && !Number.isFinite(value))
        return formatDouble(value).replace('+Inf', 'Infinity').replace('-Inf', '-Infinity')
      return String(integer(value, 'decimal'))
    case 'f':
    case 'e': {
      const number = typeof value === 'bigint' ? Number(value) : value instanceof Uint ? Number(value.value) : value
      if (typeof number !== 'number') throw wrong(clause === 'f' ? 'fixed-point' : 'scientific notation', value)
      if (!Number.isFinite(number)) return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity'
      if (clause === 'f') return number.toFixed(precision ?? 6)
      return number.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
    }
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : integer(value, 'binary').toString(2)
    case 'o':
      return integer(value, 'octal').toString(8)
    case 'x':
    case 'X': {
      const digits =
        typeof value === 'string' || value instanceof Uint8Array
          ? Buffer.from(value as string).toString('hex')
          : integer(value, 'hex').toString(16)
      return clause === 'X' ? digits.toUpperCase() : digits
    }
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${clause}"`)
  }
}

const wrong = (what: string, value: CelValue) =>
  new CelError(
    `error during formatting: ${what} clause can only be used on ${what === 'decimal' || what === 'octal' ? 'integers' : 'numbers'}, was given ${typeNameOf(value)}`,
  )

function integer(value: CelValue, what: string): bigint {
  if (typeof value === 'bigint') return value
  if (value instanceof Uint) return value.value
  throw wrong(what, value)
}

function textOf(value: CelValue): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return formatDouble(value)
    return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
  }
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof Uint) return String(value.value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (value instanceof Timestamp || value instanceof Duration) return String(value)
  if (value instanceof TypeValue) return value.name
  if (isList(value)) return `[${value.map(textOf).join(', ')}]`
  if (isMap(value) && !value.typeName) {
    const entries = value.keys().map((key) => [textOf(key), textOf(value.find(key)!)] as const)
    return `{${entries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, text]) => `${key}: ${text}`)
      .join(', ')}}`
  }
  const name = value instanceof Optional ? 'optional_type' : typeNameOf(value)
  throw new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${name}`,
  )
}
