import { readdirSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import type { createInterface, Interface } from 'node:readline'
import { BrokenPipe } from '../io.ts'
import { Interrupted, ShellExit } from './api.ts'
import { parse } from './parser.ts'
import type { Interpreter } from './shell.ts'
import { Incomplete } from './syntax.ts'

/** A session at a terminal: prompt, line editing, history, completion. */
export async function interact(shell: Interpreter, names: () => string[]): Promise<number> {
  const readline = await import('node:readline')
  const reader = new LineReader(shell, names, readline.createInterface)
  // Ctrl-C gives up all that was typed; and a session ends on SIGTERM only if it is the container itself.
  shell.traps.setDefault('INT', () => shell.interrupt())
  shell.traps.setDefault('TERM', process.pid === 1 ? () => process.exit(143) : () => {})
  let text = ''
  for (;;) {
    const line = await reader.line(text ? '> ' : prompt(shell))
    if (line === 'interrupted') {
      text = ''
      shell.state.status = 130
      continue
    }
    if (line === undefined) {
      shell.complain(text ? 'sh: syntax error: unexpected end of file' : '')
      return shell.state.status
    }
    text += `${line.text}\n`
    try {
      const list = parse(text)
      text = ''
      await shell.runTyped(list)
      if (shell.state.status === 130) shell.complain('')
    } catch (error) {
      if (error instanceof Incomplete) continue
      text = ''
      if (error instanceof ShellExit) return error.status
      if (error instanceof BrokenPipe) return 141
      if (error instanceof Interrupted) {
        shell.state.status = 130
        shell.complain('')
        continue
      }
      shell.state.status = 2
      shell.complain(`sh: ${(error as Error).message}`)
    }
    for (const { number, text: command, status } of shell.jobs.ended()) {
      shell.complain(`[${number}]+  ${status === 0 ? 'Done' : `Done(${status})`}\t\t${command}`)
    }
  }
}

/** `\w`, `\u`, `\h` and `\$` mean what they do elsewhere. */
function prompt(shell: Interpreter): string {
  const home = shell.get('HOME')
  const cwd = currentDirectory()
  const short =
    home && home !== '/' && (cwd === home || cwd.startsWith(`${home}/`)) ? `~${cwd.slice(home.length)}` : cwd
  const root = process.getuid?.() === 0
  const values: Readonly<Record<string, string>> = {
    w: short,
    W: path.basename(cwd),
    u: root ? 'root' : 'user',
    h: hostname(),
    $: root ? '#' : '$',
    n: '\n',
  }
  return (shell.get('PS1') ?? '\\w \\$ ').replace(/\\([wWuhn$])/g, (_, letter: string) => values[letter]!)
}

function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return '?'
  }
}

type Answer = { text: string } | 'interrupted' | undefined

/** One line editor for the whole session: what is typed ahead while a program runs stays in it. */
class LineReader {
  readonly #shell: Interpreter
  readonly #names: () => string[]
  readonly #editor: Interface
  readonly #answers: Answer[] = []
  #closed = false
  #wake = () => {}

  constructor(shell: Interpreter, names: () => string[], makeEditor: typeof createInterface) {
    this.#shell = shell
    this.#names = names
    this.#editor = makeEditor({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      historySize: 500,
      removeHistoryDuplicates: true,
      completer: (line: string) => this.#complete(line),
    })
    this.#editor.on('line', (text: string) => this.#answer({ text }))
    this.#editor.on('SIGINT', () => {
      process.stdout.write('^C\n')
      this.#editor.write(null, { ctrl: true, name: 'e' })
      this.#editor.write(null, { ctrl: true, name: 'u' })
      this.#answer('interrupted')
    })
    this.#editor.on('SIGTSTP', () => {})
    this.#editor.on('close', () => {
      this.#closed = true
      this.#answer(undefined)
    })
  }

  /** Undefined at the end of the input. The terminal is read, and not left to programs, only while a line is waited for. */
  async line(prompt: string): Promise<Answer> {
    if (this.#answers.length || this.#closed) return this.#answers.shift()
    process.stdin.setRawMode(true)
    this.#editor.setPrompt(prompt)
    this.#editor.prompt(true)
    await new Promise<void>((resolve) => (this.#wake = resolve))
    if (!this.#closed) {
      this.#editor.pause()
      process.stdin.setRawMode(false)
    }
    return this.#answers.shift()
  }

  #answer(answer: Answer): void {
    this.#answers.push(answer)
    this.#wake()
  }

  #complete(line: string): [string[], string] {
    const word = /[^\s;|&<>()]*$/.exec(line)![0]
    const isCommand = /(^|[;|&(])\s*$/.test(line.slice(0, line.length - word.length))
    if (isCommand && !word.includes('/'))
      return [
        this.#names()
          .filter((name) => name.startsWith(word))
          .map((name) => `${name} `),
        word,
      ]
    const slash = word.lastIndexOf('/') + 1
    const directory = word.slice(0, slash)
    const expanded = directory.replace(/^~(?=\/)/, this.#shell.get('HOME') ?? '~')
    try {
      const entries = readdirSync(expanded || '.', { withFileTypes: true })
        .filter(
          ({ name }) =>
            name.startsWith(word.slice(slash)) && (!name.startsWith('.') || word.slice(slash).startsWith('.')),
        )
        .map((entry) => directory + entry.name + (entry.isDirectory() ? '/' : ' '))
      return [entries, word]
    } catch {
      return [[], word]
    }
  }
}
