import { CelError } from '../values/errors.ts'
import { type CelValue } from '../values/values.ts'
import { codePoints } from '../values/code-points.ts'
import { formatString } from './format-string.ts'
import { copiesFirst, overload, reading, type Overload } from './overload.ts'

const outOfRange = (index: bigint) => new CelError(`index out of range: ${index}`)

/** Positions count characters (code points). */
const chars = (text: string): string[] => [...text]

function indexOf(text: string, part: string, from = 0n): bigint {
  const units = chars(text)
  if (from < 0n) throw outOfRange(from)
  if (part === '') return from
  if (from >= units.length) return from > units.length ? throwRange(from) : -1n
  const found = text.indexOf(part, units.slice(0, Number(from)).join('').length)
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)))
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const units = chars(text)
  if (from !== undefined && (from < 0n || from >= units.length))
    return part === '' && from >= 0n ? from : throwRange(from)
  if (part === '') return BigInt(units.length)
  const start = from === undefined ? text.length : units.slice(0, Number(from)).join('').length
  const found = text.lastIndexOf(part, start)
  return found < 0 ? -1n : BigInt(codePoints(text.slice(0, found)))
}

function throwRange(index: bigint): never {
  throw outOfRange(index)
}

function substring(text: string, from: bigint, to?: bigint): string {
  const units = chars(text)
  const end = to ?? BigInt(units.length)
  if (to !== undefined && from > to) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`)
  if (from < 0n || from > units.length) throw outOfRange(from)
  if (end < 0n || end > units.length) throw outOfRange(end)
  return units.slice(Number(from), Number(end)).join('')
}

function replace(text: string, old: string, by: string, limit = -1n): string {
  if (limit === 0n) return text
  let left = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)
  if (old === '') {
    const units = chars(text)
    let made = ''
    for (let i = 0; i <= units.length; i++) made += (left-- > 0 ? by : '') + (units[i] ?? '')
    return made
  }
  const parts = text.split(old)
  return parts.reduce((made, part) => made + (left-- > 0 ? by : old) + part)
}

function split(text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return []
  if (limit === 1n) return [text]
  const parts = separator === '' ? chars(text) : text.split(separator)
  if (limit < 0n || parts.length <= limit) return parts
  return [...parts.slice(0, Number(limit) - 1), parts.slice(Number(limit) - 1).join(separator)]
}

const lower = (text: string) => text.replace(/[A-Z]+/g, (found) => found.toLowerCase())
const upper = (text: string) => text.replace(/[a-z]+/g, (found) => found.toUpperCase())

/** Unicode's white space, as Go's strings.TrimSpace has it. */
const trim = (text: string) =>
  text.replace(
    /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g,
    '',
  )

const quotes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}
const quote = (text: string) => `"${text.toWellFormed().replace(/[\x07-\r\\"]/g, (char) => quotes[char]!)}"`

const twice = { cost: ([first = 0]: readonly number[]) => Math.ceil(first * 0.2) }
const replaced = {
  ...twice,
  resultSize: ([text = 0, old = 0, by = 0]: readonly number[]) =>
    old === 0 ? (text + 1) * by + text : by <= old ? text : Math.ceil(text / old) * by,
}
const splits = { ...twice, resultSize: ([text = 0]: readonly number[]) => text }
const joins = {
  cost: (_sizes: readonly number[], result: number) => Math.ceil(result * 0.2),
  resultSize: ([elements = 0, separator = 0]: readonly number[]) => elements * (separator + 1),
}

/** cel-go's ext.Strings, version 2. */
export const strings: readonly Overload[] = [
  overload('string.charAt(int): string', (text: string, i: bigint) => {
    const units = chars(text)
    if (i < 0n || i > units.length) throw outOfRange(i)
    return units[Number(i)] ?? ''
  }),
  overload('string.indexOf(string): int', (text: string, part: string) => indexOf(text, part), { traverses: true }),
  overload('string.indexOf(string, int): int', indexOf, { traverses: true }),
  overload('string.lastIndexOf(string): int', (text: string, part: string) => lastIndexOf(text, part), {
    traverses: true,
  }),
  overload('string.lastIndexOf(string, int): int', lastIndexOf, { traverses: true }),
  overload('string.lowerAscii(): string', lower, copiesFirst),
  overload('string.upperAscii(): string', upper, copiesFirst),
  overload('string.trim(): string', trim, copiesFirst),
  overload('string.substring(int): string', (text: string, from: bigint) => substring(text, from), copiesFirst),
  overload('string.substring(int, int): string', substring, copiesFirst),
  overload(
    'string.replace(string, string): string',
    (text: string, old: string, by: string) => replace(text, old, by),
    replaced,
  ),
  overload('string.replace(string, string, int): string', replace, replaced),
  overload('string.split(string): list(string)', (text: string, by: string) => split(text, by), splits),
  overload('string.split(string, int): list(string)', split, splits),
  overload('list(string).join(): string', (texts: readonly string[]) => texts.join(''), joins),
  overload('list(string).join(string): string', (texts: readonly string[], by: string) => texts.join(by), joins),
  overload('string.format(list(dyn)): string', (text: string, args: readonly CelValue[]) => formatString(text, args), {
    cost: ([text = 0]) => reading(text),
  }),
  overload('strings.quote(string): string', quote, copiesFirst),
]
