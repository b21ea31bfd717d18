import { Source } from './source.ts'
import {
  Incomplete,
  SyntaxFault,
  type AndOr,
  type Assignment,
  type Command,
  type CompoundCommand,
  type List,
  type Pipeline,
  type Redirection,
  type Word,
} from './syntax.ts'
import { readDouble, readWord } from './words.ts'

const reserved = new Set([
  'if',
  'then',
  'elif',
  'else',
  'fi',
  'do',
  'done',
  'while',
  'until',
  'for',
  'case',
  'esac',
  'in',
  '{',
  '}',
  '!',
  'function',
])

/** The whole text as a list of commands. */
export function parse(text: string): List {
  const parser = new Parser(new Source(text))
  const list = parser.list()
  parser.end()
  return list
}

/** A word that is only unquoted text, as reserved words are. */
const plain = (word: Word | undefined): string | undefined =>
  word?.length === 1 && word[0]!.type === 'text' ? word[0]!.value : undefined

class Parser {
  readonly #source: Source
  /** Here-documents whose text starts after the current line. */
  #pending: { redirection: Redirection; delimiter: string; quoted: boolean; stripTabs: boolean }[] = []

  constructor(source: Source) {
    this.#source = source
  }

  end(): void {
    if (!this.#source.done) throw this.#unexpected()
    if (this.#pending.length) throw new Incomplete('unterminated here-document')
  }

  /** Up to the end, a closing parenthesis, `;;` or one of the closing words. */
  list(...closing: string[]): List {
    const items: List = []
    for (;;) {
      this.#skipNewlines()
      if (this.#atEndOfList(closing)) return items
      const andOr = this.#andOr()
      this.#source.skipBlanks()
      const background = this.#source.peek() === '&' && this.#source.peek(1) !== '&' && this.#source.take('&')
      items.push({ andOr, background })
      this.#source.skipBlanks()
      if (background || this.#atNewline() || this.#atEndOfList(closing)) continue
      if (this.#source.peek() === ';' && this.#source.peek(1) !== ';') this.#source.next()
      else throw this.#unexpected()
    }
  }

  #atEndOfList(closing: readonly string[]): boolean {
    this.#source.skipBlanks()
    if (this.#source.done || this.#source.peek() === ')' || this.#source.starts(';;')) return true
    return closing.includes(this.#peekWord() ?? '')
  }

  #andOr(): AndOr {
    const andOr: AndOr = { first: this.#pipeline(), rest: [] }
    for (;;) {
      this.#source.skipBlanks()
      const operator = this.#source.take('&&') ? '&&' : this.#source.take('||') ? '||' : undefined
      if (!operator) return andOr
      this.#skipNewlines()
      andOr.rest.push({ operator, pipeline: this.#pipeline() })
    }
  }

  #pipeline(): Pipeline {
    let negated = false
    while (this.#takeWord('!')) negated = !negated
    const commands = [this.#command()]
    for (;;) {
      this.#source.skipBlanks()
      if (this.#source.peek() !== '|' || this.#source.peek(1) === '|') return { negated, commands }
      this.#source.next()
      this.#skipNewlines()
      commands.push(this.#command())
    }
  }

  #command(): Command {
    this.#source.skipBlanks()
    if (this.#source.take('(')) {
      const body = this.list()
      this.#expect(')')
      return { type: 'subshell', body, redirections: this.#redirections() }
    }
    const word = this.#peekWord()
    switch (word) {
      case '{':
      case 'if':
      case 'while':
      case 'until':
      case 'for':
      case 'case': {
        this.#takeWord(word)
        const compound = this.#compound(word)
        return { ...compound, redirections: this.#redirections() } as CompoundCommand
      }
      case 'function':
        this.#takeWord('function')
        return this.#function(this.#name())
      default:
        if (word !== undefined && reserved.has(word) && word !== 'in') throw this.#unexpected()
        return this.#simple()
    }
  }

  #compound(word: string): Omit<CompoundCommand, 'redirections'> | object {
    switch (word) {
      case '{': {
        const body = this.list('}')
        this.#expectWord('}')
        return { type: 'group', body }
      }
      case 'if':
        return this.#if()
      case 'for':
        return this.#for()
      case 'case':
        return this.#case()
      default: {
        const test = this.list('do')
        return { type: 'while', until: word === 'until', test, body: this.#doGroup() }
      }
    }
  }

  #if(): object {
    const branches: { test: List; body: List }[] = []
    let otherwise: List | undefined
    do {
      const test = this.list('then')
      this.#expectWord('then')
      branches.push({ test, body: this.list('elif', 'else', 'fi') })
    } while (this.#takeWord('elif'))
    if (this.#takeWord('else')) otherwise = this.list('fi')
    this.#expectWord('fi')
    return { type: 'if', branches, ...(otherwise ? { otherwise } : {}) }
  }

  #for(): object {
    const name = this.#name()
    this.#skipNewlines()
    let words: Word[] | undefined
    if (this.#takeWord('in')) {
      words = []
      for (let word = this.#word(); word; word = this.#word()) words.push(word)
    }
    this.#source.skipBlanks()
    this.#source.take(';')
    this.#skipNewlines()
    return { type: 'for', name, ...(words ? { words } : {}), body: this.#doGroup() }
  }

  #doGroup(): List {
    this.#skipNewlines()
    this.#expectWord('do')
    const body = this.list('done')
    this.#expectWord('done')
    return body
  }

  #case(): object {
    const word = this.#word()
    if (!word) throw this.#unexpected()
    this.#skipNewlines()
    this.#expectWord('in')
    const items: { patterns: Word[]; body: List }[] = []
    for (;;) {
      this.#skipNewlines()
      if (this.#takeWord('esac')) return { type: 'case', word, items }
      this.#source.take('(')
      const patterns: Word[] = []
      do {
        const pattern = this.#word()
        if (!pattern) throw this.#unexpected()
        patterns.push(pattern)
        this.#source.skipBlanks()
      } while (this.#source.take('|'))
      this.#expect(')')
      items.push({ patterns, body: this.list('esac') })
      this.#source.take(';;')
    }
  }

  #function(name: string): Command {
    this.#source.skipBlanks()
    if (this.#source.take('(')) this.#expect(')')
    this.#skipNewlines()
    return { type: 'function', name, body: this.#command() }
  }

  #simple(): Command {
    const assignments: Assignment[] = []
    const words: Word[] = []
    const redirections: Redirection[] = []
    for (;;) {
      const redirection = this.#redirection()
      if (redirection) {
        redirections.push(redirection)
        continue
      }
      const assignment = words.length ? undefined : this.#source.match(/[A-Za-z_]\w*=/y)
      if (assignment !== undefined) {
        assignments.push({ name: assignment.slice(0, -1), value: readWord(this.#source, this.#substitution) ?? [] })
        continue
      }
      const word = this.#word()
      if (!word) break
      words.push(word)
      if (words.length === 1 && !assignments.length && this.#source.match(/[ \t]*\([ \t]*\)/y) !== undefined) {
        const name = plain(word)
        if (name === undefined) throw new SyntaxFault('bad function name')
        return this.#function(name)
      }
    }
    if (!assignments.length && !words.length && !redirections.length) throw this.#unexpected()
    return { type: 'simple', assignments, words, redirections }
  }

  #redirections(): Redirection[] {
    const redirections: Redirection[] = []
    for (let next = this.#redirection(); next; next = this.#redirection()) redirections.push(next)
    return redirections
  }

  #redirection(): Redirection | undefined {
    this.#source.skipBlanks()
    const found = this.#source.match(/\d*(<<-|<<|<&|<>|<|>>|>&|>\||>)/y)
    if (found === undefined) return undefined
    const sign = found.replace(/^\d+/, '')
    const digits = found.slice(0, found.length - sign.length)
    const descriptor = digits ? Number(digits) : sign.startsWith('<') ? 0 : 1
    const target = this.#word()
    if (!target) throw this.#unexpected()
    if (sign === '<<' || sign === '<<-') {
      const redirection: Redirection = { descriptor, operator: '<<', target: [] }
      const quoted = target.some((part) => part.type !== 'text')
      this.#pending.push({ redirection, delimiter: literal(target), quoted, stripTabs: sign === '<<-' })
      return redirection
    }
    return { descriptor, operator: sign === '>|' ? '>' : (sign as Redirection['operator']), target }
  }

  #readHereDocuments(): void {
    for (const { redirection, delimiter, quoted, stripTabs } of this.#pending.splice(0)) {
      let text = ''
      for (;;) {
        if (this.#source.done) throw new Incomplete(`here-document without "${delimiter}"`)
        let line = this.#source.match(/[^\n]*\n?/y)!
        if (stripTabs) line = line.replace(/^\t+/, '')
        if (line.replace(/\n$/, '') === delimiter) break
        text += line
      }
      redirection.target = quoted
        ? [{ type: 'quoted', value: text }]
        : [{ type: 'double', parts: readDouble(new Source(text), this.#substitution, '') }]
    }
  }

  /** Commands inside `$( )` or backquotes. */
  #substitution = (source: Source): List => (source === this.#source ? this : new Parser(source)).list()

  #word(): Word | undefined {
    this.#source.skipBlanks()
    return readWord(this.#source, this.#substitution)
  }

  /** The next word when it is plain text; reads nothing. */
  #peekWord(): string | undefined {
    this.#source.skipBlanks()
    const at = this.#source.at
    const found = this.#source.match(/[^\s|&;<>()'"\\$`]+(?=[\s|&;<>()]|$)/y)
    this.#source.at = at
    return found
  }

  #takeWord(word: string): boolean {
    if (this.#peekWord() !== word) return false
    this.#source.take(word)
    return true
  }

  #name(): string {
    this.#source.skipBlanks()
    const name = this.#source.match(/[A-Za-z_][\w-]*/y)
    if (name === undefined) throw this.#unexpected()
    return name
  }

  #skipNewlines(): void {
    for (;;) {
      this.#source.skipBlanks()
      if (!this.#atNewline()) return
      this.#source.next()
      this.#readHereDocuments()
    }
  }

  #atNewline(): boolean {
    return this.#source.peek() === '\n'
  }

  #expect(text: string): void {
    this.#skipNewlines()
    if (!this.#source.take(text)) throw this.#unexpected()
  }

  #expectWord(word: string): void {
    if (!this.#takeWord(word)) throw this.#unexpected()
  }

  #unexpected(): SyntaxFault {
    if (this.#source.done) return new Incomplete('unexpected end of file')
    const found = this.#source.match(/[^\s;|&()]+|\n|;;|&&|\|\||./y) ?? ''
    return new SyntaxFault(`syntax error: unexpected ${found === '\n' ? 'newline' : `"${found}"`}`)
  }
}

/** A here-document's delimiter without its quotes. */
function literal(word: Word): string {
  return word
    .map((part) =>
      part.type === 'text' || part.type === 'quoted' ? part.value : part.type === 'double' ? literal(part.parts) : '',
    )
    .join('')
}
