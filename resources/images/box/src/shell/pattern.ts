import { lstatSync, readdirSync } from 'node:fs'
import path from 'node:path'

const special = /[*?[\]\\]/g

/** Text as a pattern that matches only itself. */
export const escapePattern = (text: string): string => text.replace(special, '\\$&')

/** A pattern's text with its escapes taken away. */
export const unescapePattern = (pattern: string): string => pattern.replace(/\\([\s\S])/g, '$1')

export const hasWildcard = (pattern: string): boolean => /(^|[^\\])(\\\\)*[*?[]/.test(pattern)

/** A shell pattern as the source of a regular expression, without anchors. */
export function patternSource(pattern: string, lazy = false): string {
  let source = ''
  for (let at = 0; at < pattern.length; at++) {
    const c = pattern[at]!
    if (c === '\\') source += literal(pattern[++at] ?? '\\')
    else if (c === '*') source += lazy ? '[\\s\\S]*?' : '[\\s\\S]*'
    else if (c === '?') source += '[\\s\\S]'
    else if (c === '[') {
      const set = /^\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]/.exec(pattern.slice(at))
      if (set) {
        source += `[${set[1] ? '^' : ''}${bracket(set[2]!)}]`
        at += set[0].length - 1
      } else source += '\\['
    } else source += literal(c)
  }
  return source
}

const classes: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
  print: ' -~',
  graph: '!-~',
  cntrl: '\\x00-\\x1f\\x7f',
}

/** The inside of a bracket expression, shared with the regular expressions of grep and sed. */
export function bracket(text: string): string {
  return text.replace(
    /\[:(\w+):\]|\\([\s\S])|[\]\\[^]/g,
    (whole, name: string | undefined, escaped: string | undefined) => {
      if (name !== undefined) return classes[name] ?? ''
      const character = escaped ?? whole
      return /[[\]\\^-]/.test(character) ? `\\${character}` : character
    },
  )
}

const literal = (c: string): string => (/[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c)

/** A pattern that is no valid expression (a range backwards) matches nothing. */
export function patternExpression(source: string, all = false): RegExp {
  try {
    return new RegExp(source, all ? 'gu' : 'u')
  } catch {
    return /(?!)/
  }
}

export const matches = (pattern: string, text: string): boolean =>
  patternExpression(`^${patternSource(pattern)}$`).test(text)

/** The names of files that a pattern matches, sorted; none when there are none. */
export function glob(pattern: string): string[] {
  const parts = pattern.split('/')
  let found = [parts[0] === '' ? '/' : '']
  const rest = parts[0] === '' ? parts.slice(1) : parts
  rest.forEach((part, index) => {
    const last = index === rest.length - 1
    found = found.flatMap((base) => step(base, part, last))
  })
  return found.sort()
}

function step(base: string, part: string, last: boolean): string[] {
  if (part === '') return [base]
  if (!hasWildcard(part)) {
    const name = base + unescapePattern(part)
    return exists(name) ? [last ? name : `${name}/`] : []
  }
  const test = patternExpression(`^${patternSource(part)}$`)
  try {
    return readdirSync(base || '.', { withFileTypes: true })
      .filter(({ name }) => test.test(name) && (!name.startsWith('.') || part.startsWith('.')))
      .filter((entry) => last || entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => base + (last ? name : `${name}/`))
  } catch {
    return []
  }
}

function exists(name: string): boolean {
  try {
    lstatSync(path.normalize(name))
    return true
  } catch {
    return false
  }
}
