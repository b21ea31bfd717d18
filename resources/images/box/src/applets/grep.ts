import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { numberOf, options, Usage, type Applet } from '../applet.ts'
import { eachInput, lines, out } from '../io.ts'
import { escapeText, posixSource } from './regex.ts'

const long = {
  'ignore-case': 'i',
  'invert-match': 'v',
  count: 'c',
  'line-number': 'n',
  quiet: 'q',
  recursive: 'r',
  'only-matching': 'o',
  'extended-regexp': 'E',
  'fixed-strings': 'F',
  'word-regexp': 'w',
} as const

export const grep: Applet = (args, name) => {
  const given = options(args, 'EFGivcnlLqrRohHwxse:f:m:A:B:C:', long)
  const { has, value, values } = given
  const files = [...given.rest]
  const patterns = values('e')
  for (const file of values('f')) patterns.push(...readFileSync(file, 'utf8').replace(/\n$/, '').split('\n'))
  if (!patterns.length) {
    const pattern = files.shift()
    if (pattern === undefined) throw new Usage('usage: grep [OPTION]… PATTERN [FILE]…')
    patterns.push(...pattern.split('\n'))
  }
  const source = patterns
    .map((pattern) => sourceOf(pattern, has('F'), has('E') || name === 'egrep', has('w'), has('x')))
    .join('|')
  const expression = new RegExp(source, `g${has('i') ? 'i' : ''}u`)
  const context = value('C')
  const before = numberOf(value('B') ?? context ?? '0')
  const after = numberOf(value('A') ?? context ?? '0')
  const limit = value('m') === undefined ? Infinity : numberOf(value('m'))
  const recursive = has('r') || has('R')
  const searched = recursive ? (files.length ? files : ['.']).flatMap(walk) : files
  const named = has('H') || (!has('h') && (recursive || searched.length > 1))
  let found = false
  const status = eachInput('grep', searched, (descriptor, file) => {
    const label = file === '-' ? '(standard input)' : file
    const prefix = (number: number, mark: string) =>
      (named ? `${label}${mark}` : '') + (has('n') ? `${number}${mark}` : '')
    const held: string[] = []
    let count = 0
    let number = 0
    let trailing = 0
    let lastShown = 0
    for (const line of lines(descriptor)) {
      number++
      expression.lastIndex = 0
      const hit = expression.test(line) !== has('v')
      if (hit && count < limit) {
        count++
        found = true
        if (has('q')) break
        if (has('l') || has('L') || has('c')) continue
        if (has('o')) {
          expression.lastIndex = 0
          for (const [match] of line.matchAll(expression)) if (match) out(`${prefix(number, ':')}${match}\n`)
          continue
        }
        if ((before || after) && lastShown && number - held.length > lastShown + 1) out('--\n')
        held.forEach((text, index) => out(`${prefix(number - held.length + index, '-')}${text}\n`))
        held.length = 0
        out(`${prefix(number, ':')}${line}\n`)
        lastShown = number
        trailing = after
      } else if (trailing > 0) {
        trailing--
        out(`${prefix(number, '-')}${line}\n`)
        lastShown = number
      } else if (before) {
        held.push(line)
        if (held.length > before) held.shift()
      }
      if (count >= limit && trailing === 0) break
    }
    if (has('c')) out(`${named ? `${label}:` : ''}${count}\n`)
    if ((has('l') && count) || (has('L') && !count)) out(`${label}\n`)
  })
  return found ? 0 : status ? 2 : 1
}

function sourceOf(pattern: string, fixed: boolean, extended: boolean, word: boolean, whole: boolean): string {
  const source = fixed ? escapeText(pattern) : posixSource(pattern, extended)
  if (whole) return `^(?:${source})$`
  return word ? `(?<![\\p{L}\\p{N}_])(?:${source})(?![\\p{L}\\p{N}_])` : `(?:${source})`
}

function walk(file: string): string[] {
  if (!statSync(file, { throwIfNoEntry: false })?.isDirectory()) return [file]
  return readdirSync(file, { withFileTypes: true }).flatMap((entry) => {
    const inside = path.posix.join(file, entry.name)
    return entry.isDirectory() ? walk(inside) : entry.isFile() ? [inside] : []
  })
}
