/**
 * Quantities exactly as apimachinery reads and writes them (pkg/api/resource): a number is an integer times a power of
 * ten, remembered together with the family of suffixes in which it was written. Error texts are protocol.
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export interface Quantity {
  /** The value is `unscaled × 10^scale`, exactly. A number as long as it is a safe integer, else a bigint. */
  readonly unscaled: number | bigint
  readonly scale: number
  readonly format: QuantityFormat
  /** What was written, where upstream would write the same text again. */
  readonly text?: string
}

export class QuantityError extends Error {
  override readonly name = 'QuantityError'
}

const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const suffixWrong = "unable to parse quantity's suffix"
const numericWrong = 'unable to parse numeric part of quantity'

const decimalSuffixes = new Map<string, number>([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
])
const binarySuffixes = new Map<string, number>([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
])
const suffixOfDecimal = new Map([...decimalSuffixes].map(([suffix, exponent]) => [exponent, suffix]))
const suffixOfBinary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

const nano = -9
/** Upstream takes any 32-bit exponent; arithmetic on those would need gigabytes, so a bound no one can miss is set. */
const largestExponent = 1000
const largestInt64 = 2n ** 63n - 1n
/** sign, digits without leading zeros, fraction, suffix: the hand-written scanner of upstream as one expression. */
const shape = /^([+-]?)(0*)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/

export const zero: Quantity = { unscaled: 0, scale: 0, format: 'DecimalSI', text: '0' }

interface Suffix {
  base: 2 | 10
  exponent: number
  format: QuantityFormat
}

function interpret(suffix: string): Suffix {
  const decimal = decimalSuffixes.get(suffix)
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' }
  const binary = binarySuffixes.get(suffix)
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' }
  if (/^[eE][-+]?\d+$/.test(suffix)) {
    const exponent = Number(suffix.slice(1))
    if (Math.abs(exponent) <= largestExponent) return { base: 10, exponent, format: 'DecimalExponent' }
  }
  throw new QuantityError(suffixWrong)
}

/** Parses, rounding up what is finer than a nano. Throws {@link QuantityError} with upstream's text. */
export function parseQuantity(text: string): Quantity {
  if (text === '0') return zero
  const parts = shape.exec(text)
  if (!text || !parts) throw new QuantityError(formatWrong)
  const [, sign, zeros, digits = '', fraction = '', suffixText = ''] = parts
  const { base, exponent, format } = interpret(suffixText)
  const negative = sign === '-'
  const number = digits || '0'
  const scale = (base === 10 ? exponent : 0) - fraction.length
  if (number.length + fraction.length <= 18 && base === 10 && scale >= nano) {
    const shifted = number + fraction
    const unscaled = signed(shifted.length < 16 ? Number(shifted) : narrow(BigInt(shifted)), negative)
    // Upstream hands a text that already looks canonical back as it came.
    const keeps = scale % 3 === 0 && !shifted.endsWith('000') && shifted[0] !== '0'
    return keeps ? { unscaled, scale, format, text } : { unscaled, scale, format }
  }
  if (base === 2 && !fraction && number.length + Math.trunc(exponent * 0.3) <= 14) {
    const plain = Number(number)
    const unscaled = signed(narrow(BigInt(number) << BigInt(exponent)), negative)
    return plain % 8 ? { unscaled, scale: 0, format, text } : { unscaled, scale: 0, format }
  }
  if (!zeros && !digits && !fraction) throw new QuantityError(numericWrong)
  return parseLarge(BigInt(number + fraction), { base, exponent, format }, fraction.length, negative)
}

function parseLarge(digits: bigint, suffix: Suffix, places: number, negative: boolean): Quantity {
  let { format } = suffix
  let unscaled = suffix.base === 2 ? digits << BigInt(suffix.exponent) : digits
  let scale = (suffix.base === 10 ? suffix.exponent : 0) - places
  if (scale < nano) {
    unscaled = divideUp(unscaled, 10n ** BigInt(nano - scale))
    scale = nano
  }
  if (format === 'BinarySI') {
    const one = 10n ** BigInt(-Math.min(scale, 0))
    if (unscaled > largestInt64 * one) {
      unscaled = largestInt64
      scale = 0
    } else if (unscaled > 0n && unscaled < one) format = 'DecimalSI'
  }
  return { unscaled: signed(narrow(unscaled), negative), scale, format }
}

/** A quantity from a whole number (or thousandths, with scale -3). */
export const quantityOf = (value: number | bigint, format: QuantityFormat = 'DecimalSI', scale = 0): Quantity => ({
  unscaled: narrow(BigInt(value)),
  scale,
  format,
})

const narrow = (value: bigint): number | bigint =>
  value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : value
const signed = (value: number | bigint, negative: boolean): number | bigint => (negative && value ? -value : value)
/** Division away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return quotient * by === value ? quotient : quotient + (value < 0n ? -1n : 1n)
}

/** Both values as integers at one scale. */
function aligned(a: Quantity, b: Quantity): [bigint, bigint, number] {
  const scale = Math.min(a.scale, b.scale)
  return [
    BigInt(a.unscaled) * 10n ** BigInt(a.scale - scale),
    BigInt(b.unscaled) * 10n ** BigInt(b.scale - scale),
    scale,
  ]
}

export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  if (a.scale === b.scale) return a.unscaled < b.unscaled ? -1 : a.unscaled > b.unscaled ? 1 : 0
  const [x, y] = aligned(a, b)
  return x < y ? -1 : x > y ? 1 : 0
}

export const isZero = (quantity: Quantity): boolean => !quantity.unscaled
export const signOf = (quantity: Quantity): -1 | 0 | 1 => (quantity.unscaled > 0 ? 1 : quantity.unscaled < 0 ? -1 : 0)

/** The sum keeps the format of `a`, unless `a` is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const format = isZero(a) ? b.format : a.format
  const [x, y, scale] = aligned(a, b)
  return { unscaled: narrow(x + y), scale, format }
}

export const negateQuantity = ({ unscaled, scale, format }: Quantity): Quantity => ({
  unscaled: signed(unscaled, true),
  scale,
  format,
})
export const subtractQuantities = (a: Quantity, b: Quantity): Quantity => addQuantities(a, negateQuantity(b))

/** The value as an integer of 10^scale, rounded away from zero. */
export function scaledValue(quantity: Quantity, scale: number): bigint {
  const shift = quantity.scale - scale
  const unscaled = BigInt(quantity.unscaled)
  return shift >= 0 ? unscaled * 10n ** BigInt(shift) : divideUp(unscaled, 10n ** BigInt(-shift))
}

/** Whole units, rounded up, as a number: what upstream's Value() is, for bytes and counts. */
export const valueOf = (quantity: Quantity): number => Number(scaledValue(quantity, 0))
/** Thousandths, rounded up: what upstream's MilliValue() is, for CPU. */
export const milliValueOf = (quantity: Quantity): number => Number(scaledValue(quantity, -3))
/** A floating-point approximation. */
export const approximate = (quantity: Quantity): number =>
  quantity.scale < 0
    ? Number(quantity.unscaled) / 10 ** -quantity.scale
    : Number(quantity.unscaled) * 10 ** quantity.scale

/** The canonical text: no fraction, the largest suffix that loses nothing. */
export function formatQuantity(quantity: Quantity): string {
  return quantity.text ?? canonical(quantity)
}

function canonical({ unscaled, scale, format }: Quantity): string {
  if (!unscaled) return '0'
  if (format === 'BinarySI') {
    const whole =
      scale >= 0 ? BigInt(unscaled) * 10n ** BigInt(scale) : exactly(BigInt(unscaled), 10n ** BigInt(-scale))
    // Below 1024, and where a fraction would be lost, upstream falls back to decimal.
    if (whole !== undefined && (whole >= 1024n || whole <= -1024n)) {
      const [mantissa, times] = withoutFactors(whole, 1024n, 6)
      return `${mantissa}${suffixOfBinary[times]!}`
    }
  }
  let [mantissa, times] = withoutFactors(BigInt(unscaled), 10n)
  let exponent = scale + times
  while (exponent % 3) {
    mantissa *= 10n
    exponent--
  }
  const suffix = format === 'DecimalExponent' ? undefined : suffixOfDecimal.get(exponent)
  return `${mantissa}${suffix ?? (exponent ? `e${exponent}` : '')}`
}

function exactly(value: bigint, by: bigint): bigint | undefined {
  const quotient = value / by
  return quotient * by === value ? quotient : undefined
}

function withoutFactors(value: bigint, base: bigint, most = Infinity): [bigint, number] {
  let times = 0
  while (times < most && value % base === 0n) {
    value /= base
    times++
  }
  return [value, times]
}

/** The text the server would store for a written quantity; numbers are read as their JSON text. Throws QuantityError. */
export function canonicalQuantity(written: string): string {
  // Most quantities in the wild are already canonical small integers with at most one suffix letter.
  if (/^[1-9]\d{0,2}(?:[mkMGT]|[KMGT]i)?$/.test(written)) return written
  return formatQuantity(parseQuantity(written))
}
