import { evaluate } from './arithmetic.ts'
import { escapePattern, glob, hasWildcard, patternExpression, patternSource, unescapePattern } from './pattern.ts'
import type { List, Part, Word } from './syntax.ts'

/** What expansion needs of the shell. */
export interface Expander {
  /** Undefined: not set. */
  get(name: string): string | undefined
  set(name: string, value: string): void
  readonly positional: readonly string[]
  has(option: string): boolean
  /** A command's output without its trailing newlines. */
  capture(body: List): Promise<string>
}

/** An expansion that ends the command with a message, and a script with it. */
export class ExpansionFault extends Error {}

/** A field under construction, as a pattern: quoted characters are escaped. */
interface Field {
  pattern: string
  /** Quotes make a field exist even when it is empty. */
  quoted: boolean
}

/** Words to arguments: expansion, splitting, file names. */
export async function expandWords(words: readonly Word[], shell: Expander): Promise<string[]> {
  const found: string[] = []
  for (const word of words) {
    for (const { pattern } of await fieldsOf(word, shell)) {
      const names = hasWildcard(pattern) && !shell.has('f') ? glob(pattern) : []
      found.push(...(names.length ? names : [unescapePattern(pattern)]))
    }
  }
  return found
}

/** A word to one string: no splitting, no file names. */
export const expandString = async (word: Word, shell: Expander): Promise<string> =>
  unescapePattern(await expandPattern(word, shell))

/** A word to a pattern in which what was quoted is escaped. */
export async function expandPattern(word: Word, shell: Expander): Promise<string> {
  let pattern = ''
  for (const [index, part] of word.entries()) {
    if (part.type === 'text') pattern += index === 0 ? tilde(part.value, shell) : part.value
    else if (part.type === 'quoted') pattern += escapePattern(part.value)
    else if (part.type === 'double') pattern += escapePattern(await joined(part.parts, shell))
    else pattern += (await valuesOf(part, shell)).join(' ').replaceAll('\\', '\\\\')
  }
  return pattern
}

async function fieldsOf(word: Word, shell: Expander): Promise<Field[]> {
  const fields: Field[] = []
  let current: Field | undefined
  const add = (pattern: string, quoted: boolean) => {
    current ??= { pattern: '', quoted: false }
    current.pattern += pattern
    current.quoted ||= quoted
  }
  const close = () => {
    if (current) fields.push(current)
    current = undefined
  }
  for (const [index, part] of word.entries()) {
    switch (part.type) {
      case 'text':
        add(index === 0 ? tilde(part.value, shell) : part.value, false)
        break
      case 'quoted':
        add(escapePattern(part.value), true)
        break
      case 'double': {
        const list = await quotedFields(part.parts, shell)
        list.forEach((text, at) => {
          if (at) close()
          add(escapePattern(text), true)
        })
        break
      }
      default: {
        const values = await valuesOf(part, shell)
        values.forEach((value, at) => {
          if (at) close()
          split(value, shell.get('IFS') ?? ' \t\n', add, close)
        })
      }
    }
  }
  if (current && (current.pattern || current.quoted)) close()
  return fields
}

/** The inside of double quotes is one field, but for "$@". */
async function quotedFields(parts: readonly Part[], shell: Expander): Promise<string[]> {
  let fields = ['']
  // "$@" alone without parameters is no field at all.
  if (parts.length === 1 && isAt(parts[0]!) && !shell.positional.length) return []
  for (const part of parts) {
    const values = isAt(part) ? [...shell.positional] : [await joined([part], shell)]
    const [first = '', ...others] = values
    fields = [...fields.slice(0, -1), fields.at(-1)! + first, ...others]
  }
  return fields
}

const isAt = (part: Part): boolean => part.type === 'parameter' && part.name === '@' && part.operator === undefined

async function joined(parts: readonly Part[], shell: Expander): Promise<string> {
  let text = ''
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'quoted') text += part.value
    else if (part.type === 'double') text += await joined(part.parts, shell)
    else if (part.type === 'parameter' && (part.name === '*' || part.name === '@') && !part.operator) {
      const separator = part.name === '*' ? (shell.get('IFS') ?? ' ').slice(0, 1) : ' '
      text += shell.positional.join(separator)
    } else text += (await valuesOf(part, shell)).join(' ')
  }
  return text
}

/** Separators that are blanks run together; others each end a field. */
function split(
  value: string,
  separators: string,
  add: (pattern: string, quoted: boolean) => void,
  close: () => void,
): void {
  if (separators === '') {
    if (value) add(value.replace(/\\/g, '\\\\'), false)
    return
  }
  const blanks = Array.from(separators).filter((c) => ' \t\n'.includes(c))
  let inField = false
  for (let at = 0; at < value.length; at++) {
    const c = value[at]!
    if (!separators.includes(c)) {
      add(c === '\\' ? '\\\\' : c, false)
      inField = true
      continue
    }
    if (!blanks.includes(c)) {
      if (!inField) add('', true)
      close()
      inField = false
      continue
    }
    while (at + 1 < value.length && blanks.includes(value[at + 1]!)) at++
    const next = value[at + 1]
    // Blanks around another separator belong to it.
    if (next !== undefined && separators.includes(next) && !blanks.includes(next) && inField) continue
    close()
    inField = false
  }
}

/** A part's values before splitting: several only for `$@` and `$*`. */
async function valuesOf(part: Part, shell: Expander): Promise<string[]> {
  switch (part.type) {
    case 'command':
      return [await shell.capture(part.body)]
    case 'arithmetic':
      return [String(evaluate(await expandString(part.expression, shell), numbers(shell)))]
    case 'parameter':
      return (part.name === '@' || part.name === '*') && !part.operator
        ? [...shell.positional]
        : [await parameter(part, shell)]
    case 'double':
      return [await joined(part.parts, shell)]
    default:
      return [part.value]
  }
}

const numbers = (shell: Expander) => ({
  get: (name: string) => shell.get(name) ?? '',
  set: (name: string, value: string) => shell.set(name, value),
})

async function parameter(part: Extract<Part, { type: 'parameter' }>, shell: Expander): Promise<string> {
  const { name, operator } = part
  const value = name === '@' || name === '*' ? shell.positional.join(' ') || undefined : shell.get(name)
  const operand = () => expandString(part.word ?? [], shell)
  switch (operator) {
    case 'length':
      return String(name === '@' || name === '*' ? shell.positional.length : Array.from(value ?? '').length)
    case '-':
    case ':-':
      return isSet(value, operator) ? value : operand()
    case '+':
    case ':+':
      return isSet(value, operator) ? operand() : ''
    case '=':
    case ':=': {
      if (isSet(value, operator)) return value
      const assigned = await operand()
      shell.set(name, assigned)
      return assigned
    }
    case '?':
    case ':?': {
      if (isSet(value, operator)) return value
      throw new ExpansionFault(`${name}: ${(await operand()) || 'parameter not set'}`)
    }
  }
  if (value === undefined && shell.has('u') && !'@*'.includes(name))
    throw new ExpansionFault(`${name}: parameter not set`)
  if (operator === undefined) return value ?? ''
  return modify(value ?? '', operator, part, shell)
}

const isSet = (value: string | undefined, operator: string): value is string =>
  value !== undefined && !(operator.startsWith(':') && value === '')

async function modify(
  value: string,
  operator: string,
  part: Extract<Part, { type: 'parameter' }>,
  shell: Expander,
): Promise<string> {
  if (operator === ':') return slice(value, part, shell)
  const pattern = await expandPattern(part.word ?? [], shell)
  const source = (lazy: boolean) => patternSource(pattern, lazy)
  switch (operator) {
    case '#':
    case '##':
      return value.replace(patternExpression(`^${source(operator === '#')}`), '')
    case '%':
    case '%%':
      return cutEnd(value, patternExpression(`^${patternSource(pattern)}$`), operator === '%%')
    default: {
      if (!pattern) return value
      const replacement = part.second ? await expandString(part.second, shell) : ''
      return value.replace(patternExpression(source(false), operator === '//'), () => replacement)
    }
  }
}

/** The shortest (or longest) end that matches: a regular expression alone would always find the leftmost. */
function cutEnd(value: string, test: RegExp, longest: boolean): string {
  for (let step = 0; step <= value.length; step++) {
    const from = longest ? step : value.length - step
    if (test.test(value.slice(from))) return value.slice(0, from)
  }
  return value
}

async function slice(value: string, part: Extract<Part, { type: 'parameter' }>, shell: Expander): Promise<string> {
  const number = async (word: Word) => Number(evaluate(await expandString(word, shell), numbers(shell)))
  const offset = await number(part.word ?? [])
  const from = offset < 0 ? Math.max(0, value.length + offset) : offset
  if (!part.second) return value.slice(from)
  const length = await number(part.second)
  return value.slice(from, length < 0 ? value.length + length : from + length)
}

/** `~` at a word's start is the home directory; other users' are not known. */
const tilde = (text: string, shell: Expander): string =>
  /^~(\/|$)/.test(text) ? escapePattern(shell.get('HOME') ?? '~') + text.slice(1) : text
