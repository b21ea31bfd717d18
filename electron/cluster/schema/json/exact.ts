/**
 * JSON whose integers are exact. Those of 64 bits that a double cannot hold are bigints, in everything that is decoded
 * and stored, whatever the types say; all others are numbers. They are so rare that nothing is paid for them but a look
 * for sixteen digits in a row. Who reckons with a field that may be so long makes a Number of it.
 */
const manyDigits = /\d{16}/
const integer = /^-?\d+$/

/** The value of a JSON text. Throws SyntaxError. */
export const parseExactly = (text: string): unknown =>
  manyDigits.test(text) ? JSON.parse(text, exact) : JSON.parse(text)

export const hasManyDigits = (text: string): boolean => manyDigits.test(text)

function exact(_key: string, value: unknown, { source = '' }: { source?: string } = {}): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !integer.test(source)) return value
  const whole = BigInt(source)
  // Go reads a float64 where an int64 is too small.
  return BigInt.asIntN(64, whole) === whole ? whole : value
}

/** What a number looks like that may be too large for a double. */
const large = /(?:^|[[:,\s])-?\d[\d.]*(?:[eE]\+?\d{3}|\d{300})/

/** A number of a valid JSON text that no double holds, as it is written. JSON.parse makes Infinity of it. */
export function overflowingNumber(text: string): string | undefined {
  if (!large.test(text)) return undefined
  let found: string | undefined
  JSON.parse(text, (_key, value: unknown, { source }: { source?: string } = {}) => {
    if (value === Infinity || value === -Infinity) found ??= source
    return value
  })
  return found
}

let written = 0

// JSON.stringify asks a bigint how it is written, and refuses it where it does not know.
Object.defineProperty(BigInt.prototype, 'toJSON', {
  configurable: true,
  value(this: bigint) {
    written++
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(this))
  },
})

/** How many bigints have been written so far: whether a text has any, and only parseExactly reads it, shows in that. */
export const bigintsWritten = (): number => written

/** A number where that is exact. */
export const shortest = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value
