import { readFileSync, writeFileSync } from 'node:fs'
import { options, Usage, type Applet } from '../applet.ts'
import { eachInput, lines, out } from '../io.ts'
import { posixSource } from './regex.ts'

type Address = { line: number } | { last: true } | { expression: RegExp } | { step: [first: number, step: number] }

interface Command {
  from?: Address
  to?: Address | { count: number }
  negated: boolean
  name: string
  text: string
  substitution?: { expression: RegExp; replacement: string; nth: number; all: boolean; print: boolean }
  /** Of `y`. */
  letters?: Map<string, string>
  block?: Command[]
  /** Inside its range; the line at which it ends, if that is known. */
  active?: { until?: number }
}

export const sed: Applet = (args) => {
  const { has, values, rest } = options(args, 'nEri:e:f:s'.replace('i:', 'i'), {
    quiet: 'n',
    'regexp-extended': 'E',
    'in-place': 'i',
    expression: 'e',
  })
  const files = [...rest]
  const scripts = [...values('e'), ...values('f').map((file) => readFileSync(file, 'utf8'))]
  if (!scripts.length) {
    const script = files.shift()
    if (script === undefined) throw new Usage('usage: sed [-n] SCRIPT [FILE]…')
    scripts.push(script)
  }
  const parser = new Parser(scripts.join('\n'), has('E') || has('r'))
  const commands = parser.commands()
  if (has('i')) {
    for (const file of files) {
      const written: string[] = []
      edit(readFileSync(file, 'utf8').replace(/\n$/, '').split('\n'), commands, has('n'), (text) => written.push(text))
      writeFileSync(file, written.join(''))
    }
    return 0
  }
  // The last line has to be known as such, so a line is held back until the next one is there.
  const input = function* () {
    for (const file of files.length ? files : ['-']) {
      const held: string[] = []
      status ||= eachInput('sed', [file], (descriptor) => {
        for (const line of lines(descriptor)) held.push(line)
      })
      yield* held
    }
  }
  let status = 0
  const exit = files.length ? edit(input(), commands, has('n'), out) : streamed(commands, has('n'))
  return exit || status
}

/** Standard input line by line: what comes slowly is edited as it comes. */
function streamed(commands: Command[], quiet: boolean): number {
  return edit(lines(0), commands, quiet, out)
}

function edit(input: Iterable<string>, commands: Command[], quiet: boolean, write: (text: string) => void): number {
  const iterator = input[Symbol.iterator]()
  const needsLast = usesLast(commands)
  let ahead = needsLast ? iterator.next() : undefined
  const take = (): string | undefined => {
    const next = needsLast ? ahead! : iterator.next()
    if (needsLast && !next.done) ahead = iterator.next()
    return next.done ? undefined : next.value
  }
  let hold = ''
  let number = 0
  for (let line = take(); line !== undefined; line = take()) {
    number++
    const cycle: Cycle = {
      space: line,
      hold,
      after: '',
      number,
      isLast: () => ahead?.done ?? false,
      take: () => (number++, take()),
      write,
      quiet,
      changed: false,
    }
    const end = runAll(commands, cycle)
    ;({ hold } = cycle)
    number = Math.max(number, cycle.number)
    if (end !== 'delete' && !quiet) write(`${cycle.space}\n`)
    write(cycle.after)
    if (typeof end === 'object') return end.quit
  }
  return 0
}

const usesLast = (commands: readonly Command[]): boolean =>
  commands.some(({ from, to, block }) => (from && 'last' in from) || (to && 'last' in to) || (block && usesLast(block)))

interface Cycle {
  space: string
  hold: string
  /** Written after the line: `a`. */
  after: string
  number: number
  isLast: () => boolean
  take: () => string | undefined
  write: (text: string) => void
  quiet: boolean
  /** A substitution has been made: `t`. */
  changed: boolean
}

type End = 'delete' | { quit: number } | undefined

function runAll(commands: Command[], cycle: Cycle): End {
  for (let at = 0; at < commands.length; at++) {
    const command = commands[at]!
    if (applies(command, cycle) === command.negated) continue
    if (command.name === 'b' || (command.name === 't' && cycle.changed)) {
      cycle.changed = false
      if (!command.text) return undefined
      at = commands.findIndex(({ name, text }) => name === ':' && text === command.text)
      if (at < 0) throw new Usage(`can't find label '${command.text}'`)
      continue
    }
    const end = command.block ? runAll(command.block, cycle) : runOne(command, cycle)
    if (end) return end
  }
  return undefined
}

function runOne(command: Command, cycle: Cycle): End {
  switch (command.name) {
    case 's':
      substitute(command, cycle)
      return undefined
    case 'y':
      cycle.space = Array.from(cycle.space, (c) => command.letters?.get(c) ?? c).join('')
      return undefined
    case 'd':
      return 'delete'
    case 'D': {
      const rest = cycle.space.indexOf('\n')
      if (rest < 0) return 'delete'
      cycle.space = cycle.space.slice(rest + 1)
      return 'delete'
    }
    case 'p':
      cycle.write(`${cycle.space}\n`)
      return undefined
    case 'P':
      cycle.write(`${cycle.space.split('\n')[0]}\n`)
      return undefined
    case '=':
      cycle.write(`${cycle.number}\n`)
      return undefined
    case 'a':
      cycle.after += `${command.text}\n`
      return undefined
    case 'i':
      cycle.write(`${command.text}\n`)
      return undefined
    case 'c':
      // A range is replaced once, at its end.
      if (!command.to || !command.active) cycle.write(`${command.text}\n`)
      return 'delete'
    case 'q':
      return { quit: Number(command.text) || 0 }
    case 'n': {
      if (!cycle.quiet) cycle.write(`${cycle.space}\n`)
      const next = cycle.take()
      if (next === undefined) return 'delete'
      cycle.number++
      cycle.space = next
      return undefined
    }
    case 'N': {
      const next = cycle.take()
      if (next === undefined) return undefined
      cycle.number++
      cycle.space += `\n${next}`
      return undefined
    }
    case 'h':
      cycle.hold = cycle.space
      return undefined
    case 'H':
      cycle.hold += `\n${cycle.space}`
      return undefined
    case 'g':
      cycle.space = cycle.hold
      return undefined
    case 'G':
      cycle.space += `\n${cycle.hold}`
      return undefined
    case 'x':
      ;[cycle.space, cycle.hold] = [cycle.hold, cycle.space]
      return undefined
    default:
      return undefined
  }
}

function substitute({ substitution }: Command, cycle: Cycle): void {
  const { expression, replacement, nth, all, print } = substitution!
  let count = 0
  let made = false
  cycle.space = cycle.space.replace(expression, (...groups: unknown[]) => {
    const match = groups[0] as string
    if (++count < nth || (!all && count > nth)) return match
    made = true
    return replacement.replace(/\\([\s\S])|&/g, (whole, escaped?: string) => {
      if (escaped === undefined) return whole === '&' ? match : whole
      if (/\d/.test(escaped)) return escaped === '0' ? match : ((groups[Number(escaped)] as string | undefined) ?? '')
      return escaped === 'n' ? '\n' : escaped === 't' ? '\t' : escaped
    })
  })
  if (!made) return
  cycle.changed = true
  if (print) cycle.write(`${cycle.space}\n`)
}

function applies(command: Command, cycle: Cycle): boolean {
  const { from, to } = command
  if (!from) return true
  if (!to) return at(from, cycle)
  if (command.active) {
    const over = command.active.until !== undefined ? cycle.number >= command.active.until : at(to as Address, cycle)
    if (over) delete command.active
    return true
  }
  if (!at(from, cycle)) return false
  const until = 'line' in to ? to.line : 'count' in to ? cycle.number + to.count : undefined
  if (until === undefined || until > cycle.number) command.active = until === undefined ? {} : { until }
  return true
}

function at(address: Address, cycle: Cycle): boolean {
  if ('line' in address) return cycle.number === address.line
  if ('last' in address) return cycle.isLast()
  if ('step' in address) {
    const [first, step] = address.step
    return step === 0 ? cycle.number === first : cycle.number >= first && (cycle.number - first) % step === 0
  }
  return address.expression.test(cycle.space)
}

class Parser {
  readonly #text: string
  readonly #extended: boolean
  #at = 0
  #last: RegExp | undefined

  constructor(text: string, extended: boolean) {
    this.#text = text
    this.#extended = extended
  }

  commands(inBlock = false): Command[] {
    const commands: Command[] = []
    for (;;) {
      this.#match(/[\s;]*/y)
      if (this.#at >= this.#text.length) {
        if (inBlock) throw new Usage("unmatched '{'")
        return commands
      }
      if (this.#match(/\}/y)) {
        if (!inBlock) throw new Usage("unexpected '}'")
        return commands
      }
      if (this.#match(/#[^\n]*/y)) continue
      commands.push(this.#command())
    }
  }

  #command(): Command {
    const from = this.#address()
    const to = from && this.#match(/\s*,\s*/y) ? (this.#count() ?? this.#address()) : undefined
    this.#match(/\s*/y)
    const negated = this.#match(/!\s*/y) !== undefined
    const name = this.#match(/[a-zA-Z={:]/y)
    if (name === undefined) throw new Usage('missing command')
    const command: Command = { ...(from ? { from } : {}), ...(to ? { to } : {}), negated, name, text: '' }
    switch (name) {
      case '{':
        command.block = this.commands(true)
        break
      case 's':
        command.substitution = this.#substitution()
        break
      case 'y':
        command.letters = this.#letters()
        break
      case 'a':
      case 'i':
      case 'c':
        this.#match(/[ \t]*(\\\n)?[ \t]*/y)
        command.text = (this.#match(/(?:\\[\s\S]|[^\n\\])*/y) ?? '').replace(/\\([\s\S])/g, '$1')
        break
      case ':':
      case 'b':
      case 't':
        command.text = (this.#match(/[ \t]*[^\s;}]*/y) ?? '').trim()
        break
      case 'q':
        command.text = (this.#match(/[ \t]*\d*/y) ?? '').trim()
        break
      default:
        if (!'dDpPnNhHgGx='.includes(name)) throw new Usage(`unsupported command ${name}`)
    }
    return command
  }

  #count(): { count: number } | undefined {
    const found = this.#match(/\+\d+/y)
    return found === undefined ? undefined : { count: Number(found) }
  }

  #address(): Address | undefined {
    const line = this.#match(/\d+(~\d+)?/y)
    if (line?.includes('~')) return { step: line.split('~').map(Number) as [number, number] }
    if (line !== undefined) return { line: Number(line) }
    if (this.#match(/\$/y)) return { last: true }
    if (this.#text[this.#at] === '/') {
      const [source] = this.#delimited(1)
      return { expression: this.#expression(source!, this.#match(/I/y) ? 'i' : '') }
    }
    return undefined
  }

  #substitution(): NonNullable<Command['substitution']> {
    const [source, replacement] = this.#delimited(2)
    const flags = this.#match(/[gpiI\d]*/y) ?? ''
    return {
      expression: this.#expression(source!, `g${/i/i.test(flags) ? 'i' : ''}`),
      replacement: replacement!,
      nth: Number(/\d+/.exec(flags)?.[0] ?? 1),
      all: flags.includes('g'),
      print: flags.includes('p'),
    }
  }

  #expression(source: string, flags: string): RegExp {
    if (source) this.#last = new RegExp(posixSource(source, this.#extended), `${flags}u`)
    if (!this.#last) throw new Usage('no previous regular expression')
    return source ? this.#last : new RegExp(this.#last.source, `${flags}u`)
  }

  #letters(): Map<string, string> {
    const [from, to] = this.#delimited(2).map((text) => Array.from(text))
    if (from!.length !== to!.length) throw new Usage("strings for 'y' command are different lengths")
    return new Map(from!.map((c, index) => [c, to![index]!]))
  }

  /** Texts between the delimiter that comes next, which a backslash keeps in them. */
  #delimited(count: number): string[] {
    const delimiter = this.#text[this.#at++]
    if (delimiter === undefined || delimiter === '\n') throw new Usage('bad option in substitution expression')
    const parts: string[] = []
    let part = ''
    while (parts.length < count) {
      const c = this.#text[this.#at++]
      if (c === undefined) throw new Usage('unmatched delimiter')
      if (c === delimiter) {
        parts.push(part)
        part = ''
      } else if (c === '\\' && this.#text[this.#at] === delimiter) part += this.#text[this.#at++]
      else if (c === '\\') part += c + (this.#text[this.#at++] ?? '')
      else if (c === '[' && parts.length === 0) {
        const set = /^\[\^?\]?(?:\[:\w+:\]|[^\]\n])*\]/.exec(this.#text.slice(this.#at - 1))
        part += set ? set[0] : c
        this.#at += (set?.[0].length ?? 1) - 1
      } else part += c
    }
    return parts
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return undefined
    this.#at += found[0].length
    return found[0]
  }
}
