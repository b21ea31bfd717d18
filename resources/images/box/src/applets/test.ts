import { accessSync, constants, lstatSync, statSync, type Stats } from 'node:fs'
import { isatty } from 'node:tty'
import { Usage } from '../applet.ts'
import { matches } from '../shell/pattern.ts'

/** `test`, `[` and, without its own grammar, `[[`: 0 when it holds. */
export function test(args: readonly string[], closing?: ']' | ']]'): number {
  if (closing && args.at(-1) !== closing) throw new Usage(`missing ${closing}`)
  const words = closing ? args.slice(0, -1) : args
  return new Test(words, closing === ']]').holds() ? 0 : 1
}

class Test {
  readonly #words: readonly string[]
  readonly #double: boolean
  #at = 0

  constructor(words: readonly string[], double: boolean) {
    this.#words = words
    this.#double = double
  }

  holds(): boolean {
    const { length } = this.#words
    if (length === 0) return false
    if (length === 1) return this.#words[0] !== ''
    // With two or three words their number says what they are, whatever they look like.
    if (length === 2 && this.#words[0] === '!') return this.#words[1] === ''
    if (length === 3 && isBinary(this.#words[1]!))
      return this.#binary(this.#words[0]!, this.#words[1]!, this.#words[2]!)
    const value = this.#or()
    if (this.#at < length) throw new Usage(`${this.#words[this.#at]}: unknown operand`)
    return value
  }

  #or(): boolean {
    let value = this.#and()
    while (this.#take('-o', '||')) value = this.#and() || value
    return value
  }

  #and(): boolean {
    let value = this.#not()
    while (this.#take('-a', '&&')) value = this.#not() && value
    return value
  }

  #not(): boolean {
    return this.#take('!') ? !this.#not() : this.#primary()
  }

  #primary(): boolean {
    const word = this.#words[this.#at]
    if (word === undefined) throw new Usage('argument expected')
    const next = this.#words[this.#at + 1]
    if (next !== undefined && isBinary(next) && this.#at + 2 < this.#words.length) {
      this.#at += 3
      return this.#binary(word, next, this.#words[this.#at - 1]!)
    }
    this.#at++
    if (word === '(') {
      const value = this.#or()
      if (!this.#take(')')) throw new Usage('closing paren expected')
      return value
    }
    if (/^-[a-zA-Z]$/.test(word) && next !== undefined) {
      this.#at++
      return unary(word, next)
    }
    return word !== ''
  }

  #take(...words: string[]): boolean {
    const word = this.#words[this.#at]
    if (word === undefined || !words.includes(word)) return false
    this.#at++
    return true
  }

  #binary(left: string, operator: string, right: string): boolean {
    switch (operator) {
      case '=':
      case '==':
        return this.#double ? matches(right, left) : left === right
      case '!=':
        return this.#double ? !matches(right, left) : left !== right
      case '<':
        return left < right
      case '>':
        return left > right
      case '-nt':
      case '-ot':
      case '-ef':
        return compareFiles(left, operator, right)
      default:
        return compareNumbers(integer(left), operator, integer(right))
    }
  }
}

const isBinary = (word: string): boolean =>
  ['=', '==', '!=', '<', '>', '-eq', '-ne', '-lt', '-le', '-gt', '-ge', '-nt', '-ot', '-ef'].includes(word)

function integer(text: string): number {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new Usage(`${text}: bad number`)
  return Number(text)
}

function compareNumbers(left: number, operator: string, right: number): boolean {
  switch (operator) {
    case '-eq':
      return left === right
    case '-ne':
      return left !== right
    case '-lt':
      return left < right
    case '-le':
      return left <= right
    case '-gt':
      return left > right
    default:
      return left >= right
  }
}

function compareFiles(left: string, operator: string, right: string): boolean {
  const [a, b] = [statSync(left, { throwIfNoEntry: false }), statSync(right, { throwIfNoEntry: false })]
  if (operator === '-ef') return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
  return operator === '-nt' ? (a?.mtimeMs ?? -1) > (b?.mtimeMs ?? -1) : (a?.mtimeMs ?? -1) < (b?.mtimeMs ?? -1)
}

function unary(operator: string, value: string): boolean {
  const file = (holds: (stats: Stats) => boolean) => {
    try {
      return holds(statSync(value))
    } catch {
      return false
    }
  }
  switch (operator) {
    case '-n':
      return value !== ''
    case '-z':
      return value === ''
    case '-e':
      return file(() => true)
    case '-f':
      return file((stats) => stats.isFile())
    case '-d':
      return file((stats) => stats.isDirectory())
    case '-s':
      return file((stats) => stats.size > 0)
    case '-b':
      return file((stats) => stats.isBlockDevice())
    case '-c':
      return file((stats) => stats.isCharacterDevice())
    case '-p':
      return file((stats) => stats.isFIFO())
    case '-S':
      return file((stats) => stats.isSocket())
    case '-h':
    case '-L':
      return lstatSync(value, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
    case '-r':
    case '-w':
    case '-x':
      return accessible(value, { '-r': constants.R_OK, '-w': constants.W_OK, '-x': constants.X_OK }[operator])
    case '-t':
      return isatty(Number(value))
    default:
      throw new Usage(`${operator}: unknown operand`)
  }
}

function accessible(file: string, mode: number): boolean {
  try {
    accessSync(file, mode)
    return true
  } catch {
    return false
  }
}
