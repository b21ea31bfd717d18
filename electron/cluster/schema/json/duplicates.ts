import { parseExactly } from './exact.ts'

/**
 * Duplicate keys, which JSON.parse swallows. Strict decoding must name them, but almost no body has one: so the keys
 * written in the text are counted against the keys that were parsed, and only where the counts differ is the text read
 * again key by key.
 */
const quote = 0x22
const backslash = 0x5c
const colon = 0x3a

/** How many object keys the text spells out. The text must be valid JSON. */
export function countWrittenKeys(text: string): number {
  let keys = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    let end = text.indexOf('"', at + 1)
    // A quote is escaped when an odd number of backslashes stands before it.
    while (text.charCodeAt(end - 1) === backslash) {
      let slashes = 1
      while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
      if (slashes % 2 === 0) break
      end = text.indexOf('"', end + 1)
    }
    at = end + 1
    while (text.charCodeAt(at) <= 0x20) at++
    if (text.charCodeAt(at) === colon) keys++
  }
  return keys
}

export function countParsedKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let keys = 0
  if (Array.isArray(value)) for (const item of value) keys += countParsedKeys(item)
  else for (const key in value) keys += 1 + countParsedKeys((value as Record<string, unknown>)[key])
  return keys
}

/** An object as its written pairs, duplicates included; lists, and scalars but for WrittenNumbers, as JSON.parse gives them. */
export class Pairs {
  readonly entries: [string, unknown][] = []
}

/** A number that Go reads into no integer, for it is written with a fraction or an exponent, or is too long. */
export class WrittenNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  get value(): number {
    return Number(this.text)
  }
}

const asFloat = /[.eE]/
const noInteger = /(?:"\s*:|[[,])\s*-?\d+(?:\.0+(?!\d)|(?:\.\d+)?[eE]|(?<=\d{19}))/

/** Whether the text may have a number that looks like an integer when it is parsed, and is none; seldom true of others. */
export const mayMisreadIntegers = (text: string): boolean => noInteger.test(text)

/** Parses valid JSON keeping every written pair, and how numbers are written that are no integers. */
export function parsePairs(text: string): unknown {
  let at = 0
  const blanks = () => {
    while (text.charCodeAt(at) <= 0x20) at++
  }
  const string = (): string => {
    const start = at++
    while (text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1
    return JSON.parse(text.slice(start, ++at)) as string
  }
  const value = (): unknown => {
    blanks()
    const char = text[at]!
    if (char === '{') {
      const pairs = new Pairs()
      at++
      for (blanks(); text[at] !== '}'; blanks()) {
        if (text[at] === ',') at++
        blanks()
        const key = string()
        blanks()
        at++
        pairs.entries.push([key, value()])
      }
      at++
      return pairs
    }
    if (char === '[') {
      const items: unknown[] = []
      at++
      for (blanks(); text[at] !== ']'; blanks()) {
        if (text[at] === ',') at++
        items.push(value())
      }
      at++
      return items
    }
    if (char === '"') return string()
    const start = at
    while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at++
    const written = text.slice(start, at)
    const parsed = parseExactly(written)
    if (typeof parsed !== 'number' || (Number.isSafeInteger(parsed) && !asFloat.test(written))) return parsed
    return new WrittenNumber(written)
  }
  return value()
}
