import { setImmediate as turn } from 'node:timers/promises'
import type { Socket } from 'node:net'
import { BrokenPipe, reason } from '../io.ts'
import { FunctionExit, Interrupted, LoopExit, ShellExit, type Builtin, type Shell } from './api.ts'
import { close, Descriptors, type Sink } from './descriptors.ts'
import { ExpansionFault, expandPattern, expandString, expandWords } from './expand.ts'
import { Jobs } from './jobs.ts'
import { Launcher, settled, type Started } from './launcher.ts'
import { parse } from './parser.ts'
import { matches } from './pattern.ts'
import { openPipe, readPipe } from './pipes.ts'
import { redirect } from './redirect.ts'
import { describe, plainText, quotedWord, soleCommand, soleItem } from './shape.ts'
import { State } from './state.ts'
import {
  SyntaxFault,
  type AndOr,
  type Command,
  type CompoundCommand,
  type List,
  type Pipeline,
  type Redirection,
  type SimpleCommand,
} from './syntax.ts'
import { Traps } from './traps.ts'

export interface ShellDeps {
  builtins: ReadonlyMap<string, Builtin>
  /** Builtins that only write: run in place where others need a process of their own. */
  writers: ReadonlySet<string>
  /** Names of all tools of this file. */
  tools: ReadonlySet<string>
  interactive: boolean
  /** Called before the first child: until then the shell may still be replaced by its only command. */
  onFirstChild?: () => void
}

const yieldMs = 20

/**
 * Runs commands as processes. Node cannot fork, so a subshell is another process of the same program that is handed
 * the state and its part of the script. One class, for every kind of command runs others of any kind: the file is as
 * long as the grammar.
 */
export class Interpreter implements Shell {
  readonly state = new State()
  readonly descriptors = new Descriptors()
  readonly traps = new Traps()
  readonly jobs = new Jobs()
  readonly interactive: boolean
  readonly #deps: ShellDeps
  readonly #launcher: Launcher
  #yieldedAt = performance.now()
  /** Status of the last `$( )` of the current command. */
  #substituted: number | undefined
  /** Inside a condition, where `set -e` does not act. */
  #tested = 0
  #interrupted = false

  constructor(deps: ShellDeps) {
    this.#deps = deps
    this.#launcher = new Launcher({
      ...deps,
      state: this.state,
      descriptors: this.descriptors,
      traps: this.traps,
      interrupted: deps.interactive ? () => this.#interrupted : undefined,
      complain: (text) => this.complain(text),
    })
    this.interactive = deps.interactive
  }

  get positional(): readonly string[] {
    return this.state.positional
  }
  get = (name: string): string | undefined => this.state.get(name)
  set = (name: string, value: string): void => this.state.set(name, value)
  has = (option: string): boolean => this.state.has(option)
  out = (text: string): void => this.descriptors.write(1, text)

  complain(text: string): void {
    try {
      this.descriptors.write(2, `${text}\n`)
    } catch {
      // Nobody to tell.
    }
  }

  async evaluate(text: string): Promise<number> {
    return this.run(parse(text))
  }

  async run(list: List): Promise<number> {
    for (const { andOr, background } of list) {
      if (this.has('n')) continue
      // What Ctrl-C found between two commands is not for the next.
      if (this.interactive) await turn()
      this.#giveUpInterrupted()
      if (background) await this.#background(andOr)
      else await this.#andOr(andOr)
      await this.runTraps()
    }
    this.#giveUpInterrupted()
    return this.state.status
  }

  /** Runs what was typed. `interrupt` gives it up where the next command would begin: throws Interrupted. */
  async runTyped(list: List): Promise<void> {
    this.#interrupted = false
    await this.run(list)
  }

  interrupt(): void {
    this.#interrupted = true
    this.traps.wake()
  }

  #giveUpInterrupted(): void {
    if (this.#interrupted) throw new Interrupted()
  }

  async runTraps(): Promise<void> {
    for (const name of this.traps.takePending()) {
      const { status } = this.state
      await this.evaluate(this.traps.get(name) ?? '')
      this.state.status = status
    }
  }

  /** Runs the script's last command in the shell's own place where that cannot be told from running it below. */
  async runLast(list: List): Promise<number> {
    const last = list.at(-1)
    const command = last && !last.background && soleCommand([last])
    if (!command || command.redirections.length || this.traps.entries().length || this.interactive)
      return this.run(list)
    await this.run(list.slice(0, -1))
    const words = await this.#expand(command)
    if (!words) return this.state.status
    const { argv, assigned } = words
    const runsProgram = argv[0] !== undefined && this.find(argv[0])?.kind === 'program'
    if (runsProgram && this.descriptors.untouched && !this.jobs.list().length && !assigned.length)
      return this.replace(argv)
    return this.#execute(command, argv, assigned)
  }

  async #andOr({ first, rest }: AndOr): Promise<void> {
    const tested = async (pipeline: Pipeline, isLast: boolean) => {
      if (!isLast) this.#tested++
      try {
        await this.#pipeline(pipeline)
      } finally {
        if (!isLast) this.#tested--
      }
    }
    await tested(first, rest.length === 0)
    let lastRan = rest.length === 0
    for (const [index, { operator, pipeline }] of rest.entries()) {
      if ((this.state.status === 0) !== (operator === '&&')) continue
      lastRan = index === rest.length - 1
      await tested(pipeline, lastRan)
    }
    const negated = (rest.at(-1)?.pipeline ?? first).negated
    if (this.state.status !== 0 && lastRan && !negated && this.has('e') && !this.#tested)
      throw new ShellExit(this.state.status)
  }

  async #pipeline({ negated, commands }: Pipeline): Promise<void> {
    if (negated) this.#tested++
    try {
      if (commands.length === 1) await this.#command(commands[0]!)
      else this.state.status = await this.#connect(commands)
    } finally {
      if (negated) this.#tested--
    }
    if (negated) this.state.status = this.state.status === 0 ? 1 : 0
  }

  async #connect(commands: readonly Command[]): Promise<number> {
    const exits: Promise<number>[] = []
    let input: Socket | undefined
    for (const [index, command] of commands.entries()) {
      const pipe = index < commands.length - 1 ? await openPipe() : undefined
      exits.push((await this.#start(command, input, pipe?.writing)).exit)
      input?.destroy()
      input = pipe?.reading
    }
    const statuses = await Promise.all(exits)
    return this.has('pipefail') ? (statuses.findLast((status) => status !== 0) ?? 0) : statuses.at(-1)!
  }

  async #background(andOr: AndOr): Promise<void> {
    const command: Command = soleCommand([{ andOr, background: false }]) ?? {
      type: 'group',
      body: [{ andOr, background: false }],
      redirections: [],
    }
    const saved = this.descriptors.snapshot()
    // Without job control a command in the background reads nothing.
    this.descriptors.set(0, undefined)
    const { pid, exit } = await this.#start(command, undefined, undefined)
    this.descriptors.restore(saved)
    this.state.lastBackground = pid
    this.state.status = 0
    const job = this.jobs.add(pid, describe(command), exit)
    if (this.interactive) this.complain(`[${job.number}] ${pid}`)
  }

  /** Starts a command as a process of its own, between two pipes. The writing end is the child's then. */
  async #start(command: Command, input: Socket | undefined, output: Socket | undefined): Promise<Started> {
    const saved = this.descriptors.snapshot()
    if (input) this.descriptors.set(0, input)
    if (output) this.descriptors.set(1, output)
    const opened: number[] = []
    try {
      if (command.type !== 'simple') return await this.#launcher.fork([soleItem(command)])
      const words = await this.#expand(command)
      if (!words) return settled(this.state.status)
      const { argv, assigned } = words
      const found = argv[0] === undefined ? undefined : this.find(argv[0])
      if (output && found?.kind === 'builtin' && this.#deps.writers.has(argv[0]!) && !command.redirections.length) {
        let status = 0
        output.end(await this.#collect(async () => (status = await this.invoke(argv))))
        return settled(status)
      }
      if (found && found.kind !== 'program')
        return await this.#launcher.fork([soleItem({ ...command, words: argv.map(quotedWord) })])
      await redirect(command.redirections, this.descriptors, this, opened)
      if (argv[0] === undefined) return settled(0)
      return await this.#launcher.spawn(argv, assigned)
    } catch (error) {
      return settled(this.#fail(error))
    } finally {
      opened.forEach(close)
      this.descriptors.restore(saved)
      if (output && !output.writableEnded) output.destroy()
    }
  }

  find(name: string): ReturnType<Shell['find']> {
    if (this.state.functions.has(name)) return { kind: 'function', path: name }
    if (this.#deps.builtins.has(name)) return { kind: 'builtin', path: name }
    const program = this.#launcher.program(name)
    return program && { kind: 'program', path: program.path }
  }

  async replace(argv: readonly string[]): Promise<number> {
    const failed = await this.#launcher.replace(argv, () => this.runTraps())
    if (failed !== undefined) return failed
    const { pid, exit } = await this.#launcher.spawn(argv)
    // It stands for the shell: what is sent to the one is meant for the other.
    for (const name of ['TERM', 'HUP', 'INT', 'QUIT']) {
      this.traps.setDefault(name, () => pid && process.kill(pid, `SIG${name}`))
    }
    throw new ShellExit(await exit)
  }

  async capture(body: List): Promise<string> {
    const text = (output: Buffer) => output.toString().replace(/\n+$/, '')
    const command = soleCommand(body)
    const name = command && plainText(command.words[0])
    if (
      command &&
      name &&
      this.#deps.writers.has(name) &&
      !this.state.functions.has(name) &&
      !command.redirections.length
    ) {
      const output = await this.#collect(() => this.#command(command))
      this.#substituted = this.state.status
      return text(output)
    }
    const pipe = await openPipe()
    const { exit } = await this.#start(command ?? { type: 'group', body, redirections: [] }, undefined, pipe.writing)
    const [output, status] = await Promise.all([readPipe(pipe.reading), exit])
    this.state.status = this.#substituted = status
    return text(output)
  }

  async #collect(run: () => Promise<unknown>): Promise<Buffer> {
    const saved = this.descriptors.snapshot()
    const sink: Sink = { chunks: [] }
    this.descriptors.set(1, sink)
    try {
      await run()
    } finally {
      this.descriptors.restore(saved)
    }
    return Buffer.concat(sink.chunks)
  }

  async #command(command: Command): Promise<void> {
    if (command.type === 'function') {
      this.state.functions.set(command.name, command.body)
      this.state.status = 0
      return
    }
    if (command.type === 'simple') {
      const words = await this.#expand(command)
      if (words) await this.#execute(command, words.argv, words.assigned)
      return
    }
    const saved = this.descriptors.snapshot()
    const opened: number[] = []
    try {
      if (await this.#redirectOrComplain(command.redirections, opened)) await this.#compound(command)
    } finally {
      opened.forEach(close)
      this.descriptors.restore(saved)
    }
  }

  async #compound(command: CompoundCommand): Promise<void> {
    switch (command.type) {
      case 'group':
        await this.run(command.body)
        break
      case 'subshell':
        this.state.status = await (await this.#launcher.fork(command.body)).exit
        this.#exitOnError()
        break
      case 'if': {
        const branch = await this.#firstTrue(command.branches)
        const body = branch ?? command.otherwise
        this.state.status = 0
        if (body) await this.run(body)
        break
      }
      case 'while': {
        let status = 0
        await this.#loop(async () => {
          if ((await this.#test(command.test)) === command.until) return false
          status = await this.run(command.body)
          return true
        })
        this.state.status = status
        break
      }
      case 'for': {
        const values = command.words ? await expandWords(command.words, this) : [...this.positional]
        this.state.status = 0
        await this.#loop(async () => {
          const value = values.shift()
          if (value === undefined) return false
          this.set(command.name, value)
          await this.run(command.body)
          return true
        })
        break
      }
      case 'case': {
        const subject = await expandString(command.word, this)
        this.state.status = 0
        for (const { patterns, body } of command.items) {
          for (const pattern of patterns) {
            if (!matches(await expandPattern(pattern, this), subject)) continue
            await this.run(body)
            return
          }
        }
      }
    }
  }

  #exitOnError(): void {
    if (this.state.status !== 0 && this.has('e') && !this.#tested) throw new ShellExit(this.state.status)
  }

  async #test(list: List): Promise<boolean> {
    this.#tested++
    try {
      return (await this.run(list)) === 0
    } finally {
      this.#tested--
    }
  }

  async #firstTrue(branches: readonly { test: List; body: List }[]): Promise<List | undefined> {
    for (const { test, body } of branches) if (await this.#test(test)) return body
    return undefined
  }

  async #loop(step: () => Promise<boolean>): Promise<void> {
    for (;;) {
      await this.#breathe()
      try {
        if (!(await step())) return
      } catch (error) {
        if (!(error instanceof LoopExit)) throw error
        if (--error.levels > 0) throw error
        if (!error.again) return
      }
    }
  }

  /** A loop of builtins alone must not keep signals from being seen. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#yieldedAt < yieldMs) return
    await turn()
    this.#giveUpInterrupted()
    this.#yieldedAt = performance.now()
  }

  /** Arguments and assignments; undefined after a fault, which has been told. */
  async #expand(command: SimpleCommand): Promise<{ argv: string[]; assigned: [string, string][] } | undefined> {
    this.#substituted = undefined
    try {
      const argv = await expandWords(command.words, this)
      const assigned: [string, string][] = []
      for (const { name, value } of command.assignments) {
        const text = await expandString(value, this)
        assigned.push([name, text])
        // A later assignment of the same command sees this one.
        if (!argv.length) this.set(name, text)
      }
      // `x=$(false)` has the status of the substitution.
      if (!argv.length) this.state.status = this.#substituted ?? 0
      if (this.has('x'))
        this.complain(`+ ${[...assigned.map(([name, value]) => `${name}=${value}`), ...argv].join(' ')}`)
      return { argv, assigned }
    } catch (error) {
      if (error instanceof ExpansionFault && !this.interactive) {
        this.complain(`${this.state.name}: ${error.message}`)
        throw new ShellExit(2)
      }
      this.state.status = this.#fail(error)
      return undefined
    }
  }

  async #execute(
    command: SimpleCommand,
    argv: readonly string[],
    assigned: readonly [string, string][],
  ): Promise<number> {
    const saved = this.descriptors.snapshot()
    const opened: number[] = []
    // `exec` with redirections alone changes the shell for good.
    const lasting = argv[0] === 'exec' && argv.length === 1
    try {
      if (!(await this.#redirectOrComplain(command.redirections, opened))) return this.state.status
      if (argv[0] === undefined) {
        this.#exitOnError()
        return this.state.status
      }
      this.state.status = await this.invoke(argv, { assigned })
      return this.state.status
    } finally {
      if (!lasting) {
        opened.forEach(close)
        this.descriptors.restore(saved)
      }
    }
  }

  async invoke(
    argv: readonly string[],
    { functions = true, assigned = [] }: { functions?: boolean; assigned?: readonly [string, string][] } = {},
  ): Promise<number> {
    const [name = '', ...args] = argv
    const body = functions ? this.state.functions.get(name) : undefined
    const builtin = this.#deps.builtins.get(name)
    if (!body && !builtin) return (await this.#launcher.spawn(argv, assigned)).exit
    const restore = this.#assignFor(assigned)
    try {
      if (body) return await this.#call(body, args)
      return await builtin!(args, this, name)
    } catch (error) {
      if (isWayOut(error)) throw error
      return this.#fail(error, name)
    } finally {
      restore()
    }
  }

  #assignFor(assigned: readonly [string, string][]): () => void {
    const before = assigned.map(([name]) => [name, this.state.variables.get(name)] as const)
    for (const [name, value] of assigned) this.state.variables.set(name, { value, exported: true, readonly: false })
    return () => {
      for (const [name, variable] of before) {
        if (variable) this.state.variables.set(name, variable)
        else this.state.variables.delete(name)
      }
    }
  }

  async #call(body: Command, args: string[]): Promise<number> {
    const { positional } = this.state
    this.state.positional = args
    this.state.enterFunction()
    try {
      await this.#command(body)
      return this.state.status
    } catch (error) {
      if (error instanceof FunctionExit) return error.status
      throw error
    } finally {
      this.state.leaveFunction()
      this.state.positional = positional
    }
  }

  async #redirectOrComplain(redirections: readonly Redirection[], opened: number[]): Promise<boolean> {
    try {
      await redirect(redirections, this.descriptors, this, opened)
      return true
    } catch (error) {
      this.state.status = this.#fail(error)
      return false
    }
  }

  #fail(error: unknown, name?: string): number {
    if (error instanceof BrokenPipe || isWayOut(error)) throw error
    this.complain(`${this.state.name}: ${name === undefined ? '' : `${name}: `}${reason(error)}`)
    return error instanceof SyntaxFault ? 2 : 1
  }
}

const isWayOut = (error: unknown): boolean =>
  error instanceof LoopExit ||
  error instanceof FunctionExit ||
  error instanceof ShellExit ||
  error instanceof Interrupted
