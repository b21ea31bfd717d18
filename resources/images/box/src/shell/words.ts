import { Source } from './source.ts'
import { Incomplete, SyntaxFault, type List, type ParameterOperator, type Part, type Word } from './syntax.ts'

/** Reads commands up to a closing parenthesis, which stays. */
export type CommandReader = (source: Source) => List

const wordEnd = new Set([' ', '\t', '\n', '|', '&', ';', '<', '>', '(', ')', ''])

/** Undefined where no word starts. */
export function readWord(source: Source, commands: CommandReader): Word | undefined {
  const parts = readParts(source, commands, (c) => wordEnd.has(c))
  return parts.length ? parts : undefined
}

function readParts(source: Source, commands: CommandReader, ends: (character: string) => boolean): Part[] {
  const parts: Part[] = []
  let text = ''
  const flush = () => {
    if (text) parts.push({ type: 'text', value: text })
    text = ''
  }
  for (;;) {
    const c = source.peek()
    if (source.done || ends(c)) break
    if (c === '\\') {
      source.next()
      if (source.done) text += '\\'
      else if (!source.take('\n')) {
        flush()
        parts.push({ type: 'quoted', value: source.next() })
      }
    } else if (c === "'") {
      flush()
      parts.push({ type: 'quoted', value: readSingle(source) })
    } else if (c === '"') {
      flush()
      source.next()
      parts.push({ type: 'double', parts: readDouble(source, commands, '"') })
    } else if (c === '$' || c === '`') {
      const part = readExpansion(source, commands, false)
      if (part) {
        flush()
        parts.push(part)
      } else text += source.next()
    } else text += source.next()
  }
  flush()
  return parts
}

function readSingle(source: Source): string {
  source.next()
  const end = source.text.indexOf("'", source.at)
  if (end < 0) throw new Incomplete('unterminated quoted string')
  const value = source.text.slice(source.at, end)
  source.at = end + 1
  return value
}

/** The inside of double quotes, or of a here-document when `end` is empty. */
export function readDouble(source: Source, commands: CommandReader, end: '"' | ''): Part[] {
  const parts: Part[] = []
  let text = ''
  const flush = () => {
    if (text) parts.push({ type: 'quoted', value: text })
    text = ''
  }
  for (;;) {
    if (source.done) {
      if (end) throw new Incomplete('unterminated quoted string')
      break
    }
    const c = source.peek()
    if (c === end && end) {
      source.next()
      break
    }
    if (c === '\\') {
      source.next()
      if (source.take('\n')) continue
      const escaped = source.peek()
      text += '$`\\'.includes(escaped) || escaped === end ? '' : '\\'
      if (!source.done) text += source.next()
    } else if (c === '$' || c === '`') {
      const part = readExpansion(source, commands, true)
      if (part) {
        flush()
        parts.push(part)
      } else text += source.next()
    } else text += source.next()
  }
  flush()
  return parts
}

/** Undefined when the dollar sign stands for itself. */
function readExpansion(source: Source, commands: CommandReader, quoted: boolean): Part | undefined {
  if (source.peek() === '`') return readBackquotes(source, commands, quoted)
  if (source.starts('$((')) {
    const arithmetic = readArithmetic(source, commands)
    if (arithmetic) return arithmetic
  }
  if (source.take('$(')) {
    const body = commands(source)
    if (!source.take(')'))
      throw source.done ? new Incomplete('unexpected end of file') : new SyntaxFault('")" expected')
    return { type: 'command', body }
  }
  if (source.take('${')) return readBraces(source, commands, quoted)
  const name = /\$([A-Za-z_]\w*|[0-9@*#?$!-])/y
  const found = source.match(name)
  return found === undefined ? undefined : { type: 'parameter', name: found.slice(1) }
}

function readBackquotes(source: Source, commands: CommandReader, quoted: boolean): Part {
  source.next()
  let inner = ''
  for (;;) {
    const c = source.next()
    if (c === '`') break
    if (c !== '\\') {
      inner += c
      continue
    }
    const escaped = source.next()
    inner += '$`\\'.includes(escaped) || (quoted && escaped === '"') ? escaped : c + escaped
  }
  const text = new Source(inner)
  const body = commands(text)
  if (!text.done) throw new SyntaxFault('syntax error in backquotes')
  return { type: 'command', body }
}

function readArithmetic(source: Source, commands: CommandReader): Part | undefined {
  const start = source.at
  source.take('$((')
  let depth = 0
  const parts: Part[] = []
  for (;;) {
    if (source.done) throw new Incomplete('unexpected end of file')
    if (depth === 0 && source.take('))')) return { type: 'arithmetic', expression: parts }
    const c = source.peek()
    if (c === '$' || c === '`') {
      parts.push(readExpansion(source, commands, true) ?? { type: 'text', value: source.next() })
      continue
    }
    if (c === ')' && depth === 0) {
      // `$((` that opens two parentheses of commands.
      source.at = start
      return undefined
    }
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === '"') source.next()
    else parts.push({ type: 'text', value: source.next() })
  }
}

const operators: readonly ParameterOperator[] = [
  ':-',
  ':=',
  ':?',
  ':+',
  '##',
  '%%',
  '//',
  '-',
  '=',
  '?',
  '+',
  '#',
  '%',
  '/',
  ':',
]

function readBraces(source: Source, commands: CommandReader, quoted: boolean): Part {
  const length =
    source.starts('#') && !source.starts('#}') && !/^#[-=?+%#:]/.test(source.text.slice(source.at, source.at + 2))
  if (length) source.next()
  const name = source.match(/[A-Za-z_]\w*|\d+|[@*#?$!-]/y)
  if (name === undefined)
    throw source.done ? new Incomplete('unexpected end of file') : new SyntaxFault('bad substitution')
  if (length) {
    if (!source.take('}')) throw new SyntaxFault('bad substitution')
    return { type: 'parameter', name, operator: 'length' }
  }
  if (source.take('}')) return { type: 'parameter', name }
  const operator = operators.find((candidate) => source.take(candidate))
  if (!operator) throw source.done ? new Incomplete('unexpected end of file') : new SyntaxFault('bad substitution')
  const separator = operator === '/' || operator === '//' ? '/' : operator === ':' ? ':' : ''
  const part = () => readOperand(source, commands, quoted, separator)
  const word = part()
  const second = separator && source.take(separator) ? part() : undefined
  if (!source.take('}')) throw new Incomplete('unexpected end of file')
  return { type: 'parameter', name, operator, word, ...(second ? { second } : {}) }
}

/** What follows an operator in braces; in double quotes its text is quoted, but for nested quotes. */
function readOperand(source: Source, commands: CommandReader, quoted: boolean, separator: string): Word {
  const parts = readParts(source, commands, (c) => c === '}' || (separator !== '' && c === separator))
  return quoted ? parts.map((part) => (part.type === 'text' ? { ...part, type: 'quoted' } : part)) : parts
}
