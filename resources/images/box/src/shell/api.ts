import type { Descriptors } from './descriptors.ts'
import type { Expander } from './expand.ts'
import type { Jobs } from './jobs.ts'
import type { State } from './state.ts'
import type { List } from './syntax.ts'
import type { Traps } from './traps.ts'

/** The shell as its builtins see it. */
export interface Shell extends Expander {
  readonly state: State
  readonly descriptors: Descriptors
  readonly traps: Traps
  readonly jobs: Jobs
  readonly interactive: boolean
  out(text: string): void
  complain(text: string): void
  run(list: List): Promise<number>
  /** Parses and runs text. */
  evaluate(text: string): Promise<number>
  /** Runs a command with its arguments as they are; `functions: false` for `command`. */
  invoke(argv: readonly string[], options?: { functions?: boolean }): Promise<number>
  /** Puts a program in the shell's place: does not return when it can. */
  replace(argv: readonly string[]): Promise<number>
  /** What a name would run. */
  find(name: string): { kind: 'function' | 'builtin' | 'program'; path: string } | undefined
}

export type Builtin = (args: string[], shell: Shell, name: string) => number | Promise<number>

/** Ways out of what is running, thrown through the interpreter. */
export class LoopExit extends Error {
  levels: number
  readonly again: boolean

  constructor(levels: number, again: boolean) {
    super('not in a loop')
    this.levels = levels
    this.again = again
  }
}

export class FunctionExit extends Error {
  readonly status: number

  constructor(status: number) {
    super('not in a function')
    this.status = status
  }
}

export class ShellExit extends Error {
  readonly status: number

  constructor(status: number) {
    super('exit')
    this.status = status
  }
}

/** Ctrl-C while commands ran that were typed. */
export class Interrupted extends Error {}
