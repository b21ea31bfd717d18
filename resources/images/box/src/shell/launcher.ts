import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { reason } from '../io.ts'
import type { Descriptors } from './descriptors.ts'
import { box, findProgram, type Program } from './find.ts'
import { exitOf } from './jobs.ts'
import type { Inheritance, State } from './state.ts'
import type { List } from './syntax.ts'
import type { Traps } from './traps.ts'

/** What a subshell process reads from the shell that started it. */
export interface SubshellTask {
  inheritance: Inheritance
  body: List
}

export interface Started {
  /** 0: nothing runs. */
  pid: number
  exit: Promise<number>
}

export interface LauncherDeps {
  state: State
  descriptors: Descriptors
  traps: Traps
  tools: ReadonlySet<string>
  onFirstChild?: () => void
  /** Whether Ctrl-C was pressed since the last command was typed; undefined where nobody types. */
  interrupted: (() => boolean) | undefined
  complain: (text: string) => void
}

const notFound = 127
const notExecutable = 126

/** Starts the shell's children, with its descriptors as theirs. */
export class Launcher {
  readonly #deps: LauncherDeps
  #hasChildren = false

  constructor(deps: LauncherDeps) {
    this.#deps = deps
  }

  program(name: string): Program | undefined {
    return findProgram(name, this.#deps.state.get('PATH') ?? '/usr/bin:/bin', this.#deps.tools)
  }

  /** A subshell: this program again, handed the state and its part of the script. */
  async fork(body: List): Promise<Started> {
    const { state, traps, descriptors } = this.#deps
    this.#becomeParent()
    const { stdio, started } = await descriptors.forChild()
    const task: SubshellTask = { inheritance: state.bequeath(traps.ignored()), body }
    const args = [process.argv[1]!, 'sh', '--subshell', String(stdio.length)]
    const child = spawn(process.execPath, args, { stdio: [...stdio, 'pipe'], env: state.environment() })
    const handover = child.stdio.at(-1) as Socket
    handover.on('error', () => {})
    handover.end(JSON.stringify(task))
    started()
    return this.#startedAs(child)
  }

  async spawn(argv: readonly string[], assigned: readonly (readonly [string, string])[] = []): Promise<Started> {
    const { state, descriptors } = this.#deps
    const name = argv[0]!
    const program = this.program(name)
    if (!program) {
      this.#deps.complain(`${state.name}: ${name}: not found`)
      return settled(notFound)
    }
    this.#becomeParent()
    const { stdio, started } = await descriptors.forChild()
    const [file, ...first] = program.argv
    const child = startChild(file!, [...first, ...argv.slice(1)], { stdio, env: state.environment(assigned) })
    started()
    if (child instanceof Error) return settled(this.#cannotRun(name, child))
    child.once('error', (error) => this.#cannotRun(name, error))
    return this.#startedAs(child)
  }

  async #startedAs(child: ChildProcess): Promise<Started> {
    const running = { pid: child.pid ?? 0, exit: exitOf(child) }
    if (this.#deps.interrupted) {
      // What the terminal sent while the child was being made has missed it.
      await turn()
      if (this.#deps.interrupted()) child.kill('SIGINT')
    }
    return running
  }

  /** Does not return when a program could take the shell's place; a status when it should have; undefined when it cannot here. */
  async replace(argv: readonly string[], beforehand: () => Promise<void>): Promise<number | undefined> {
    const { state, descriptors } = this.#deps
    const program = this.program(argv[0]!)
    if (!program || box !== undefined || !descriptors.untouched || process.platform === 'win32') return undefined
    // A signal that has arrived is for this shell still.
    await turn()
    await beforehand()
    try {
      process.execve?.(program.argv[0]!, [argv[0]!, ...argv.slice(1)], state.environment())
      return undefined
    } catch (error) {
      return this.#cannotRun(argv[0]!, error as Error)
    }
  }

  #becomeParent(): void {
    if (!this.#hasChildren) this.#deps.onFirstChild?.()
    this.#hasChildren = true
  }

  #cannotRun(name: string, error: Error): number {
    this.#deps.complain(`${this.#deps.state.name}: ${name}: ${reason(error)}`)
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? notFound : notExecutable
  }
}

export const settled = (status: number): Started => ({ pid: 0, exit: Promise.resolve(status) })

function startChild(file: string, args: readonly string[], options: Parameters<typeof spawn>[2]): ChildProcess | Error {
  try {
    return spawn(file, [...args], { ...options })
  } catch (error) {
    return error as Error
  }
}
