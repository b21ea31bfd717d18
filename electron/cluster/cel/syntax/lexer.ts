import type { Issue } from './errors.ts'
import { unescape } from './unescape.ts'

export type TokenKind = 'identifier' | 'quoted' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly at: number
  /** As written; `<EOF>` at the end. */
  readonly text: string
  readonly value?: string | bigint | number | Uint8Array
}

const space = /[ \t\r\n\f]+|\/\/[^\n]*/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y
const quotedName = /`[A-Za-z0-9_.\-/ ]+`/y
const text = /[bB]?(?:"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')/y
const rawText = /(?:[bB]?[rR]|[rR][bB])(?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/y
const longText = /[bB]?(?:"""(?:[^\\]|\\[^])*?"""|'''(?:[^\\]|\\[^])*?''')/y
const double = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y
const integer = /(?:0[xX][0-9a-fA-F]+|\d+)[uU]?/y
const symbol = /==|!=|<=|>=|&&|\|\||[<>+\-*/%!?:.,()[\]{}]/y

const largestInt = 2n ** 63n
const largestUint = 2n ** 64n - 1n

/**
 * Splits an expression; what is no token is an issue, and left out. Integers up to 2^63 pass: the parser knows whether a
 * minus stands before.
 */
export function tokenize(source: string): { tokens: Token[]; issues: Issue[] } {
  const tokens: Token[] = []
  const issues: Issue[] = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  const add = (kind: TokenKind, written: string, value?: Token['value']) => {
    tokens.push(value === undefined ? { kind, at, text: written } : { kind, at, text: written, value })
    at += written.length
  }
  while (at < source.length) {
    const skipped = match(space)
    if (skipped) {
      at += skipped.length
      continue
    }
    const string = match(rawText) ?? match(longText) ?? match(text)
    if (string) {
      try {
        const { bytes, value } = unescape(string)
        add(bytes ? 'bytes' : 'string', string, value)
      } catch (error) {
        issues.push({ at, message: (error as Error).message })
        at += string.length
      }
      continue
    }
    const name = match(word)
    if (name) {
      add('identifier', name)
      continue
    }
    const quoted = match(quotedName)
    if (quoted) {
      add('quoted', quoted, quoted.slice(1, -1))
      continue
    }
    const fraction = match(double)
    if (fraction) {
      add('double', fraction, Number(fraction))
      continue
    }
    const digits = match(integer)
    if (digits) {
      const unsigned = /[uU]$/.test(digits)
      const value = BigInt(unsigned ? digits.slice(0, -1) : digits)
      if (value > (unsigned ? largestUint : largestInt))
        issues.push({ at, message: `invalid ${unsigned ? 'uint' : 'int'} literal` })
      add(unsigned ? 'uint' : 'int', digits, value)
      continue
    }
    const sign = match(symbol)
    if (sign) {
      add('symbol', sign)
      continue
    }
    issues.push({ at, message: `Syntax error: token recognition error at: '${unrecognized(source, at)}'` })
    at += unrecognized(source, at).length
  }
  tokens.push({ kind: 'end', at: source.length, text: '<EOF>' })
  return { tokens, issues }
}

/** A quote that does not end takes its line with it. */
function unrecognized(source: string, at: number): string {
  const rest = source.slice(at)
  return /^['"]/.test(rest) ? rest.split('\n')[0]! : String.fromCodePoint(rest.codePointAt(0)!)
}
