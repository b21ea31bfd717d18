import { bracket } from '../shell/pattern.ts'

/**
 * A POSIX expression as JavaScript's. Basic ones (`extended` false) write `\(`, `\{`, `\|`, `\+` and `\?` where
 * extended ones do without the backslash.
 */
export function posixSource(text: string, extended: boolean): string {
  let source = ''
  let atStart = true
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!
    const wasStart: boolean = atStart
    atStart = false
    if (c === '\\') {
      const next = text[++at] ?? '\\'
      if (!extended && '(){}|+?'.includes(next)) {
        source += next
        atStart = next === '(' || next === '|'
      } else source += escaped(next)
    } else if (c === '[') {
      const set = /^\[(\^?)(\]?(?:\[:\w+:\]|[^\]])*)\]/.exec(text.slice(at))
      if (!set) throw new Error('Unmatched [')
      source += `[${set[1]}${bracket(set[2]!.replaceAll('\\', '\\\\'))}]`
      at += set[0].length - 1
    } else if (c === '*' && wasStart) source += '\\*'
    else if (!extended && '(){}|+?'.includes(c)) source += `\\${c}`
    else if (!extended && c === '^' && !wasStart) source += '\\^'
    else if (
      !extended &&
      c === '$' &&
      at + 1 < text.length &&
      !text.startsWith('\\)', at + 1) &&
      !text.startsWith('\\|', at + 1)
    )
      source += '\\$'
    else if (c === '{' && extended && !/^\{\d+(,\d*)?\}/.test(text.slice(at))) source += '\\{'
    else if (c === '}' && !/\{\d+(,\d*)?$/.test(source)) source += '\\}'
    else if (c === '/') source += '\\/'
    else {
      source += c
      atStart = c === '(' || c === '|' || (c === '^' && wasStart)
    }
  }
  return source
}

const wordCharacter = '[\\p{L}\\p{N}_]'

function escaped(c: string): string {
  switch (c) {
    case '<':
      return `(?<!${wordCharacter})(?=${wordCharacter})`
    case '>':
      return `(?<=${wordCharacter})(?!${wordCharacter})`
    case 'n':
    case 't':
    case 'w':
    case 'W':
    case 's':
    case 'S':
    case 'b':
    case 'B':
    case 'd':
      return `\\${c}`
    default:
      return /[1-9]/.test(c) ? `\\${c}` : /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c
  }
}

export const escapeText = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
