import type { Expr, ListExpr, MapExpr, StructExpr } from './ast.ts'
import { CompileError, type Issue } from './errors.ts'
import { tokenize, type Token } from './lexer.ts'
import { expandMacro } from './macros.ts'

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const largestExpression = 100_000
const deepest = 250
/** What may begin an expression, as errors list it: in ANTLR's order of tokens. */
const symbols = ['[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', 'true', 'false', 'null']
const starts = new Set(['[', '{', '(', '.', '-', '!', 'true', 'false', 'null'])
const kinds = ['NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER']
const startOr = (others: readonly string[]): string => {
  const shown = symbols.filter((each) => starts.has(each) || others.includes(each)).map((each) => `'${each}'`)
  return `{${[...shown, ...kinds].join(', ')}}`
}

/** What may follow where an expression is missing: parsing goes on there, to find what else is wrong. */
const closers = new Set([')', ']', '}'])
const follows = new Set('== != < <= > >= in && || + - * / % ? : , ) ] } . ['.split(' '))

/** Nothing sensible can be found out after this error. */
class Stop extends Error {}

/** Parses an expression, macros expanded. Throws {@link CompileError}. */
export function parse(source: string): Expr {
  const size = [...source].length
  if (size > largestExpression) {
    const message = `expression code point size exceeds limit: size: ${size}, limit ${largestExpression}`
    throw new CompileError(source, [{ at: 0, message }])
  }
  return new Parser(source).parse()
}

const beginsExpression = ({ kind, text }: Token): boolean =>
  kind === 'identifier' ? text !== 'in' : kind === 'symbol' ? starts.has(text) : kind !== 'end' && kind !== 'quoted'

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  readonly #issues: Issue[]
  #next = 0
  #depth = 0
  /** Tokens that would also do where an expression may begin: the end of an empty list, of no arguments. */
  #alternatives: readonly string[] = []

  constructor(source: string) {
    this.#source = source
    const { tokens, issues } = tokenize(source)
    this.#tokens = tokens
    this.#issues = issues
  }

  parse(): Expr {
    try {
      const expr = this.#expression()
      if (this.#token.kind !== 'end') this.#trailing()
      if (!this.#issues.length) return expr
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
    throw new CompileError(this.#source, this.#issues)
  }

  /** One token too many could be left out; more are a mismatch. */
  #trailing(): never {
    const word = this.#tokens[this.#next + 1]?.kind === 'end' ? 'extraneous' : 'mismatched'
    this.#unexpected('<EOF>', word)
  }

  get #token(): Token {
    return this.#tokens[this.#next]!
  }

  #report(at: number, message: string): void {
    this.#issues.push({ at, message })
  }

  #fail(at: number, message: string): never {
    this.#report(at, message)
    throw new Stop()
  }

  #unexpected(expected: string, word = 'mismatched'): never {
    const { at, text } = this.#token
    this.#fail(at, `Syntax error: ${word} input '${text}' expecting ${expected}`)
  }

  /** Where an expression should begin, something else stands. What else could be wrong shows only by going on. */
  #missingExpression(): Expr {
    const { at, text, kind } = this.#token
    const expected = startOr(this.#alternatives)
    const after = this.#tokens[this.#next + 1]
    const canSkip = kind !== 'end' && after !== undefined && beginsExpression(after)
    this.#report(at, `Syntax error: ${canSkip ? 'extraneous' : 'mismatched'} input '${text}' expecting ${expected}`)
    if (canSkip) {
      this.#next++
      return this.#primary()
    }
    if (this.#alternatives.length) throw new Stop()
    while (this.#token.kind !== 'end' && !follows.has(this.#token.text)) this.#next++
    return { kind: 'literal', at, type: 'null', value: null }
  }

  #take(text: string): Token | undefined {
    const token = this.#token
    if (token.kind !== 'symbol' || token.text !== text) return undefined
    this.#next++
    return token
  }

  #expect(text: string): Token {
    const taken = this.#take(text)
    if (taken) return taken
    if (this.#token.kind === 'end' && closers.has(text))
      this.#fail(this.#token.at, `Syntax error: missing '${text}' at '<EOF>'`)
    return this.#unexpected(`'${text}'`)
  }

  /** Parses an expression before which one of the tokens could also have stood. */
  #expressionOr(alternatives: readonly string[]): Expr {
    this.#alternatives = alternatives
    return this.#expression()
  }

  /** ANTLR counts rules; what matters is that no input can exhaust the stack. */
  #nested<T>(parse: () => T): T {
    this.#limit(++this.#depth)
    const result = parse()
    this.#depth--
    return result
  }

  #limit(depth: number): void {
    if (depth > deepest) this.#fail(this.#token.at, `expression recursion limit exceeded: ${deepest}`)
  }

  #expression(): Expr {
    return this.#nested(() => {
      const condition = this.#or()
      const mark = this.#take('?')
      if (!mark) return condition
      const then = this.#or()
      this.#expect(':')
      return { kind: 'call', at: mark.at, name: '_?_:_', args: [condition, then, this.#expression()] }
    })
  }

  #or(): Expr {
    return this.#logical('||', () => this.#and())
  }

  #and(): Expr {
    return this.#logical('&&', () => this.#relation())
  }

  /** Long chains become balanced trees, so that they may be longer than the stack is deep. */
  #logical(operator: string, operand: () => Expr): Expr {
    const terms = [operand()]
    const places: number[] = []
    for (let token = this.#take(operator); token; token = this.#take(operator)) {
      places.push(token.at)
      terms.push(operand())
    }
    const tree = (from: number, to: number): Expr => {
      if (from === to) return terms[from]!
      const middle = Math.ceil((from + to) / 2)
      const args = [tree(from, middle - 1), tree(middle, to)]
      return { kind: 'call', at: places[middle - 1]!, name: `_${operator}_`, args }
    }
    return tree(0, terms.length - 1)
  }

  #relation(): Expr {
    return this.#binary(['<', '<=', '>=', '>', '==', '!=', 'in'], () => this.#sum())
  }

  #sum(): Expr {
    return this.#binary(['+', '-'], () => this.#product())
  }

  #product(): Expr {
    return this.#binary(['*', '/', '%'], () => this.#unary())
  }

  #binary(operators: readonly string[], operand: () => Expr): Expr {
    let left = operand()
    for (let length = 1; ; length++) {
      this.#limit(length)
      const { kind, text, at } = this.#token
      if ((kind !== 'symbol' && text !== 'in') || !operators.includes(text)) return left
      this.#next++
      left = { kind: 'call', at, name: text === 'in' ? '@in' : `_${text}_`, args: [left, operand()] }
    }
  }

  #unary(): Expr {
    const sign = this.#take('!') ?? (this.#isNegativeNumber() ? undefined : this.#take('-'))
    if (!sign) return this.#member()
    const same: Token[] = [sign]
    for (let token = this.#take(sign.text); token; token = this.#take(sign.text)) same.push(token)
    const operand = this.#member()
    // An even number of signs says nothing.
    return same.length % 2 ? { kind: 'call', at: sign.at, name: `${sign.text}_`, args: [operand] } : operand
  }

  #isNegativeNumber(): boolean {
    const after = this.#tokens[this.#next + 1]
    return this.#token.text === '-' && (after?.kind === 'int' || after?.kind === 'double')
  }

  #member(): Expr {
    let expr = this.#primary()
    for (let length = 1; ; length++) {
      this.#limit(length)
      const dot = this.#take('.')
      if (dot) {
        const optional = this.#take('?') !== undefined
        const token = this.#token
        if (token.kind !== 'identifier' && token.kind !== 'quoted') {
          const read = this.#source.slice(dot.at, token.at + (token.kind === 'end' ? 0 : token.text.length)).trimEnd()
          this.#fail(token.at, `Syntax error: no viable alternative at input '${read}'`)
        }
        this.#next++
        const open = !optional && token.kind === 'identifier' ? this.#take('(') : undefined
        if (open) expr = this.#call(open.at, token.text, this.#arguments(), expr)
        else {
          const field = String(token.value ?? token.text)
          expr = { kind: 'select', at: dot.at, operand: expr, field, test: false, optional }
        }
        continue
      }
      const bracket = this.#take('[')
      if (!bracket) return expr
      const optional = this.#take('?') !== undefined
      const index = this.#expression()
      this.#expect(']')
      expr = { kind: 'index', at: bracket.at, operand: expr, index, optional }
    }
  }

  #call(at: number, name: string, args: Expr[], target?: Expr): Expr {
    const call = { kind: 'call' as const, at, name, args, ...(target && { target }) }
    return expandMacro(call, (place, message) => this.#fail(place, message)) ?? call
  }

  #arguments(): Expr[] {
    const args: Expr[] = []
    if (this.#take(')')) return args
    args.push(this.#expressionOr([')']))
    while (this.#take(',')) args.push(this.#expression())
    this.#expect(')')
    return args
  }

  #primary(): Expr {
    const token = this.#token
    const { at, text, kind } = token
    if (!beginsExpression(token)) return this.#missingExpression()
    this.#alternatives = []
    if (kind === 'int' || kind === 'double' || (text === '-' && this.#isNegativeNumber())) return this.#number()
    if (kind === 'string' || kind === 'bytes' || kind === 'uint') {
      this.#next++
      return { kind: 'literal', at, type: kind, value: token.value as string }
    }
    if (kind === 'identifier' && text !== 'in') return this.#name()
    if (this.#take('(')) {
      const inner = this.#expression()
      this.#expect(')')
      return inner
    }
    if (this.#take('[')) return this.#list(at)
    if (this.#take('{')) return this.#map(at)
    if (text === '.' && this.#tokens[this.#next + 1]?.kind === 'identifier') {
      this.#next++
      return this.#name()
    }
    return this.#missingExpression()
  }

  #number(): Expr {
    const minus = this.#take('-')
    const { kind, value, at } = this.#token
    this.#next++
    if (kind === 'double')
      return { kind: 'literal', at, type: 'double', value: minus ? -(value as number) : (value as number) }
    if (!minus && (value as bigint) >= 2n ** 63n) this.#fail(at, 'invalid int literal')
    return { kind: 'literal', at: minus?.at ?? at, type: 'int', value: minus ? -(value as bigint) : (value as bigint) }
  }

  #name(): Expr {
    const { at, text } = this.#token
    const struct = this.#structName()
    if (struct !== undefined) return this.#struct(struct)
    this.#next++
    if (text === 'true' || text === 'false') return { kind: 'literal', at, type: 'bool', value: text === 'true' }
    if (text === 'null') return { kind: 'literal', at, type: 'null', value: null }
    if (reserved.has(text)) this.#report(at, `reserved identifier: ${text}`)
    const open = this.#take('(')
    return open ? this.#call(open.at, text, this.#arguments()) : { kind: 'ident', at, name: text }
  }

  /** Names joined by dots before a brace: a message. */
  #structName(): string | undefined {
    const names: string[] = []
    for (let i = this.#next; this.#tokens[i]?.kind === 'identifier'; i += 2) {
      names.push(this.#tokens[i]!.text)
      const { text } = this.#tokens[i + 1]!
      if (text === '{') {
        this.#next = i + 1
        return names.join('.')
      }
      if (text !== '.') return undefined
    }
    return undefined
  }

  #struct(type: string): StructExpr {
    const { at } = this.#expect('{')
    const entries: StructExpr['entries'][number][] = []
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined
      const field = this.#token
      if (field.kind !== 'identifier' && field.kind !== 'quoted') this.#unexpected('IDENTIFIER')
      this.#next++
      const colon = this.#expect(':')
      const value = this.#expression()
      entries.push({ at: colon.at, field: String(field.value ?? field.text), value, optional })
      if (!this.#take(',') && this.#token.text !== '}') this.#expect('}')
    }
    return { kind: 'struct', at, type, entries }
  }

  #list(at: number): ListExpr {
    const elements: ListExpr['elements'][number][] = []
    while (!this.#take(']')) {
      const optional = this.#take('?') !== undefined
      elements.push({ value: this.#expressionOr(optional ? [] : elements.length ? [']'] : [']', ',', '?']), optional })
      if (!this.#take(',') && this.#token.text !== ']') this.#expect(']')
    }
    return { kind: 'list', at, elements }
  }

  #map(at: number): MapExpr {
    const entries: MapExpr['entries'][number][] = []
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined
      const key = this.#expressionOr(optional ? [] : entries.length ? ['}'] : ['}', ',', '?'])
      this.#expect(':')
      entries.push({ key, value: this.#expression(), optional })
      if (!this.#take(',') && this.#token.text !== '}') this.#expect('}')
    }
    return { kind: 'map', at, entries }
  }
}
