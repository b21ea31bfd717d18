import type { Expr } from '../syntax/ast.ts'
import type { Checked } from '../types/checker.ts'
import { CelError, CostLimitError } from '../values/errors.ts'
import { type CelValue } from '../values/values.ts'

/** One evaluation: its variables, those of the macros around, and what it cost so far. */
export class Frame {
  readonly variables: (name: string) => CelValue | undefined
  readonly locals: CelValue[] = []
  readonly #limit: number
  cost = 0

  constructor(variables: (name: string) => CelValue | undefined, limit: number) {
    this.variables = variables
    this.#limit = limit
  }

  charge(cost: number): void {
    if ((this.cost += cost) > this.#limit) throw new CostLimitError()
  }
}

export type Program = (frame: Frame) => CelValue

/** Where the macros around an expression keep their variables. An inner one hides, and never overwrites, an outer one. */
export interface Slots {
  readonly names: ReadonlyMap<string, number>
  readonly next: number
}

export type Compile = (checked: Checked, expr: Expr, slots: Slots) => Program

/** The value, or the error as one that others may make irrelevant. */
export function attempt(program: Program, frame: Frame): CelValue | CelError {
  try {
    return program(frame)
  } catch (error) {
    if (error instanceof CelError && !(error instanceof CostLimitError)) return error
    throw error
  }
}
