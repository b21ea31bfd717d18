import { spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, rmSync, type Stats } from 'node:fs'
import path from 'node:path'
import { Usage, type Applet } from '../applet.ts'
import { complain, out, reason } from '../io.ts'
import { matches } from '../shell/pattern.ts'

interface Visit {
  file: string
  stats: Stats
  depth: number
}

/** True when it holds; an action holds too. */
type Test = (visit: Visit) => boolean

export const find: Applet = (args) => {
  const first = args.findIndex((argument) => argument.startsWith('-') || argument === '(' || argument === '!')
  const roots = first < 0 ? args : args.slice(0, first)
  const expression = new Expression(first < 0 ? [] : args.slice(first))
  const test = expression.whole()
  let status = 0
  const visit = (file: string, depth: number) => {
    if (depth > expression.maxDepth) return
    try {
      const stats = lstatSync(file)
      expression.pruned = false
      if (!expression.depthFirst && depth >= expression.minDepth) test({ file, stats, depth })
      if (stats.isDirectory() && !expression.pruned)
        for (const name of readdirSync(file).sort())
          visit(file.endsWith('/') ? file + name : `${file}/${name}`, depth + 1)
      if (expression.depthFirst && depth >= expression.minDepth) test({ file, stats, depth })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      complain(`find: ${file}: ${reason(error)}`)
      status = 1
    }
  }
  for (const root of roots.length ? roots : ['.']) visit(root, 0)
  expression.finish()
  return status
}

class Expression {
  maxDepth = Infinity
  minDepth = 0
  depthFirst = false
  pruned = false
  readonly #words: readonly string[]
  readonly #gathered: { command: string[]; files: string[] }[] = []
  #at = 0
  #acts = false

  constructor(words: readonly string[]) {
    this.#words = words
  }

  whole(): Test {
    const test = this.#words.length ? this.#or() : () => true
    if (this.#at < this.#words.length) throw new Usage(`unexpected '${this.#words[this.#at]}'`)
    if (this.#acts) return test
    return (visit) => test(visit) && print(visit.file, '\n')
  }

  /** `-exec … +` runs once, with everything found. */
  finish(): void {
    for (const { command, files } of this.#gathered) if (files.length) execute([...command, ...files])
  }

  #or(): Test {
    let left = this.#and()
    while (this.#take('-o', '-or')) {
      const [a, b] = [left, this.#and()]
      left = (visit) => a(visit) || b(visit)
    }
    return left
  }

  #and(): Test {
    let left = this.#not()
    while (this.#at < this.#words.length && !['-o', '-or', ')'].includes(this.#words[this.#at]!)) {
      this.#take('-a', '-and')
      const [a, b] = [left, this.#not()]
      left = (visit) => a(visit) && b(visit)
    }
    return left
  }

  #not(): Test {
    if (!this.#take('!', '-not')) return this.#primary()
    const test = this.#not()
    return (visit) => !test(visit)
  }

  #primary(): Test {
    const word = this.#words[this.#at++]
    const operand = () => {
      const value = this.#words[this.#at++]
      if (value === undefined) throw new Usage(`${word} requires an argument`)
      return value
    }
    switch (word) {
      case '(': {
        const test = this.#or()
        if (!this.#take(')')) throw new Usage("')' expected")
        return test
      }
      case '-name':
      case '-iname': {
        const pattern = word === '-name' ? operand() : operand().toLowerCase()
        return ({ file }) =>
          matches(pattern, word === '-name' ? path.basename(file) : path.basename(file).toLowerCase())
      }
      case '-path': {
        const pattern = operand()
        return ({ file }) => matches(pattern, file)
      }
      case '-type':
        return ofType(operand())
      case '-size':
        return ofSize(operand())
      case '-mtime':
      case '-mmin': {
        const compare = comparison(operand())
        const unit = word === '-mtime' ? 86_400_000 : 60_000
        return ({ stats }) => compare(Math.floor((Date.now() - stats.mtimeMs) / unit))
      }
      case '-newer': {
        const { mtimeMs } = lstatSync(operand())
        return ({ stats }) => stats.mtimeMs > mtimeMs
      }
      case '-empty':
        return ({ file, stats }) => (stats.isDirectory() ? readdirSync(file).length === 0 : stats.size === 0)
      case '-maxdepth':
        this.maxDepth = Number(operand())
        return () => true
      case '-mindepth':
        this.minDepth = Number(operand())
        return () => true
      case '-depth':
        this.depthFirst = true
        return () => true
      case '-prune':
        return () => (this.pruned = true)
      case '-true':
        return () => true
      case '-print':
      case '-print0':
        this.#acts = true
        return ({ file }) => print(file, word === '-print' ? '\n' : '\0')
      case '-delete':
        this.#acts = this.depthFirst = true
        return ({ file }) => (rmSync(file, { recursive: true }), true)
      case '-exec':
        return this.#exec()
      default:
        throw new Usage(`unrecognized: ${word}`)
    }
  }

  #exec(): Test {
    this.#acts = true
    const end = this.#words.findIndex(
      (word, index) => index >= this.#at && (word === ';' || (word === '+' && this.#words[index - 1] === '{}')),
    )
    if (end < 0) throw new Usage("-exec requires ';'")
    const command = this.#words.slice(this.#at, end)
    this.#at = end + 1
    if (this.#words[end] === '+') {
      const gathered = { command: command.slice(0, -1), files: [] as string[] }
      this.#gathered.push(gathered)
      return ({ file }) => gathered.files.push(file) > 0
    }
    return ({ file }) => execute(command.map((word) => word.replaceAll('{}', file)))
  }

  #take(...words: string[]): boolean {
    if (!words.includes(this.#words[this.#at] ?? '')) return false
    this.#at++
    return true
  }
}

function print(file: string, end: string): true {
  out(file + end)
  return true
}

function execute([file, ...args]: readonly string[]): boolean {
  const done = spawnSync(file!, args, { stdio: 'inherit' })
  if (done.error) complain(`find: ${file}: ${reason(done.error)}`)
  return done.status === 0
}

function ofType(letter: string): Test {
  return ({ stats }) =>
    ({
      f: stats.isFile(),
      d: stats.isDirectory(),
      l: stats.isSymbolicLink(),
      p: stats.isFIFO(),
      s: stats.isSocket(),
      c: stats.isCharacterDevice(),
      b: stats.isBlockDevice(),
    })[letter] ?? false
}

const units: Readonly<Record<string, number>> = { c: 1, w: 2, b: 512, k: 1024, M: 1024 ** 2, G: 1024 ** 3 }

function ofSize(text: string): Test {
  const unit = units[text.at(-1)!]
  const compare = comparison(unit ? text.slice(0, -1) : text)
  return ({ stats }) => compare(Math.ceil(stats.size / (unit ?? 512)))
}

function comparison(text: string): (value: number) => boolean {
  const number = Number(text.replace(/^[-+]/, ''))
  if (Number.isNaN(number)) throw new Usage(`invalid number '${text}'`)
  if (text.startsWith('+')) return (value) => value > number
  return text.startsWith('-') ? (value) => value < number : (value) => value === number
}
