/**
 * Label and field selectors, parsed, matched and printed as apimachinery does (pkg/labels, pkg/fields). Error texts
 * are protocol: they reach clients inside a 400.
 */
import type { Frozen, LabelSelector } from './object.ts'
import { labelValueErrors, qualifiedNameErrors } from './names.ts'

export type SelectorOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: SelectorOperator
  /** Sorted, without duplicates. */
  readonly values: readonly string[]
}

/** All requirements hold; none at all matches everything. `nothing` matches nothing whatever the labels. */
export type Selector = readonly Requirement[]

export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

export type Labels = Readonly<Record<string, string>> | undefined

export const everything: Selector = []
/** A selector that no label set satisfies, as an absent LabelSelector object is. */
export const nothing: Selector = [{ key: '', operator: 'in', values: [] }]

type TokenKind = 'word' | 'in' | 'notin' | '=' | '==' | '!=' | '!' | '(' | ')' | ',' | '<' | '>' | 'end' | 'error'
interface Token {
  kind: TokenKind
  text: string
}

const symbols = new Set<string>(['=', '==', '!=', '!', '(', ')', ',', '<', '>'])
const isSymbol = (char: string | undefined): boolean => char !== undefined && '=!(),><'.includes(char)
const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t' || char === '\r' || char === '\n'

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    if (isBlank(text[at])) {
      at++
    } else if (isSymbol(text[at])) {
      // The longest run of symbol characters that still ends in a symbol: `==`, `!=`, never `,(`.
      let end = at + 1
      while (
        end < text.length &&
        isSymbol(text[end]) &&
        (symbols.has(text.slice(at, end + 1)) || !symbols.has(text.slice(at, end)))
      )
        end++
      const symbol = text.slice(at, end)
      tokens.push(
        symbols.has(symbol)
          ? { kind: symbol as TokenKind, text: symbol }
          : { kind: 'error', text: `error expected: keyword found '${symbol}'` },
      )
      at = end
    } else {
      let end = at + 1
      while (end < text.length && !isSymbol(text[end]) && !isBlank(text[end])) end++
      const word = text.slice(at, end)
      tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'word', text: word })
      at = end
    }
  }
  tokens.push({ kind: 'end', text: '' })
  return tokens
}

const operatorList = 'in, notin, =, ==, !=, gt, lt'
const end: Token = { kind: 'end', text: '' }

class Parser {
  readonly #tokens: Token[]
  #at = 0

  constructor(text: string) {
    this.#tokens = tokenize(text)
  }

  /** In the place of a value, the keywords `in` and `notin` are words. */
  #peek(): Token {
    const token = this.#tokens[this.#at] ?? end
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'word', text: token.text } : token
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind === 'end') return requirements
      if (token.kind !== 'word' && token.kind !== '!')
        throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`)
      try {
        requirements.push(this.#requirement())
      } catch (error) {
        throw new SelectorError(`unable to parse requirement: ${(error as Error).message}`)
      }
      const separator = this.#next()
      if (separator.kind === 'end') return requirements
      if (separator.kind !== ',') throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`)
      const after = this.#peek()
      if (after.kind !== 'word' && after.kind !== '!')
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`)
    }
  }

  #requirement(): Requirement {
    let token = this.#next()
    const absent = token.kind === '!'
    if (absent) token = this.#next()
    if (token.kind !== 'word') throw new SelectorError(`found '${token.text}', expected: identifier`)
    const key = token.text
    const keyErrors = qualifiedNameErrors(key)
    if (keyErrors.length)
      throw new SelectorError(`<nil>: Invalid value: ${JSON.stringify(key)}: ${keyErrors.join('; ')}`)
    const follows = this.#peek().kind
    if (follows === 'end' || follows === ',') return makeRequirement(key, absent ? '!' : 'exists', [])
    // Upstream forgets a leading `!` here, so that `!a=b` reads as `a=b`.
    const operator = this.#operator()
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#value()]
    return makeRequirement(key, operator, values)
  }

  #operator(): SelectorOperator {
    const token = this.#tokens[this.#at++] ?? end
    switch (token.kind) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
        return token.kind
      case '>':
        return 'gt'
      case '<':
        return 'lt'
      default:
        throw new SelectorError(`found '${token.text}', expected: ${operatorList}`)
    }
  }

  #value(): string {
    const token = this.#peek()
    if (token.kind === 'end' || token.kind === ',') return ''
    this.#at++
    if (token.kind !== 'word') throw new SelectorError(`found '${token.text}', expected: identifier`)
    return token.text
  }

  #values(): string[] {
    const open = this.#next()
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`)
    const first = this.#peek()
    if (first.kind === ')') {
      this.#at++
      return ['']
    }
    if (first.kind !== 'word' && first.kind !== ',')
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`)
    const values = this.#list()
    if (this.#next().kind !== ')') throw new SelectorError(`found '${first.text}', expected: ')'`)
    return values
  }

  #list(): string[] {
    const values: string[] = []
    for (;;) {
      const token = this.#next()
      if (token.kind === 'word') {
        values.push(token.text)
        const after = this.#peek()
        if (after.kind === ')') return values
        if (after.kind !== ',') throw new SelectorError(`found '${after.text}', expected: ',' or ')'`)
      } else if (token.kind === ',') {
        if (!values.length) values.push('')
        const after = this.#peek().kind
        if (after === ')') {
          values.push('')
          return values
        }
        if (after === ',') {
          this.#at++
          values.push('')
        }
      } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`)
    }
  }
}

const integer = /^[-+]?\d+$/

/** Checks as upstream's NewRequirement does. */
function makeRequirement(key: string, operator: SelectorOperator, given: readonly string[]): Requirement {
  const values = [...new Set(given)].sort(byCodePoint)
  const errors: string[] = []
  if (operator === 'gt' || operator === 'lt')
    for (const [index, value] of values.entries())
      if (!integer.test(value))
        errors.push(
          `values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        )
  for (const [index, value] of values.entries()) {
    const wrong = labelValueErrors(value)
    if (wrong.length)
      errors.push(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong.join('; ')}`)
  }
  if (errors.length) throw new SelectorError(errors.length === 1 ? errors[0]! : `[${[...new Set(errors)].join(', ')}]`)
  return { key, operator, values }
}

/** Go sorts strings by bytes; for the ASCII of keys and values that is code-unit order. */
const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The text form of URLs and the command line: `a=b,c!=d,e in (f,g),h notin (i),j,!k,n>3`. Throws SelectorError. */
export function parseSelector(text: string | undefined): Selector {
  if (!text) return everything
  return new Parser(text).parse().sort((a, b) => byCodePoint(a.key, b.key))
}

const objectOperators: Record<string, SelectorOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

/** The object form. Absent (undefined) selects nothing, empty selects everything, as LabelSelectorAsSelector. */
export function selectorOf(selector: Frozen<LabelSelector> | undefined | null): Selector {
  if (!selector) return nothing
  const requirements: Requirement[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push({ key, operator: '=', values: [value] })
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = objectOperators[operator]
    if (!known) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`)
    requirements.push({ key, operator: known, values: [...new Set(values)].sort(byCodePoint) })
  }
  return requirements.sort((a, b) => byCodePoint(a.key, b.key))
}

/** The selector of a plain map of labels (Services, replication controllers): every pair is there. */
export const selectorOfLabels = (labels: Readonly<Record<string, string>> | undefined): Selector =>
  Object.entries(labels ?? {})
    .map(([key, value]): Requirement => ({ key, operator: '=', values: [value] }))
    .sort((a, b) => byCodePoint(a.key, b.key))

export function matches(selector: Selector, labels: Labels): boolean {
  for (const requirement of selector) if (!holds(requirement, labels)) return false
  return true
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'gt':
    case 'lt': {
      if (value === undefined || !integer.test(value) || values.length !== 1) return false
      const bound = BigInt(values[0]!.replace('+', ''))
      const own = BigInt(value.replace('+', ''))
      return operator === 'gt' ? own > bound : own < bound
    }
  }
}

/** The text form again, requirements ordered by key. */
export const formatSelector = (selector: Selector): string => selector.map(formatRequirement).join(',')

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`
    default:
      return `${key}${operator === 'gt' ? '>' : operator === 'lt' ? '<' : operator}${values[0] ?? ''}`
  }
}

/** The value that a label must have, where the selector leaves only one: what indexes are asked for. */
export function exactValue(selector: Selector, key: string): string | undefined {
  for (const requirement of selector) {
    if (requirement.key !== key) continue
    const exact = requirement.operator === '=' || requirement.operator === '==' || requirement.operator === 'in'
    return exact && requirement.values.length === 1 ? requirement.values[0] : undefined
  }
  return undefined
}
