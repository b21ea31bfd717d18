import { compileExpr } from './evaluate/compile.ts'
import { Frame } from './evaluate/frame.ts'
import { kubernetesLibraries } from './library/index.ts'
import type { Overload } from './library/overload.ts'
import { standard } from './library/standard.ts'
import { parse } from './syntax/parser.ts'
import { CompileError } from './syntax/errors.ts'
import { check, type Checked } from './types/checker.ts'
import { typeNames } from './types/names.ts'
import { formatType, type CelType, type ObjectType } from './types/types.ts'
import { same } from './types/unify.ts'
import { CostLimitError } from './values/errors.ts'
import { type CelValue } from './values/values.ts'

/** Costs are upstream's units: one expression may use this much (about a tenth of a second there). */
export const perCallLimit = 1_000_000

/** What a request may use for the expressions of one policy, or of a CRD's rules; and for match conditions. */
export const requestBudget = 10_000_000
export const matchConditionsBudget = 2_500_000

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>
  /** Messages that expressions may make, by name. */
  readonly struct?: (name: string) => ObjectType | undefined
  /** Functions besides CEL's own and those that Kubernetes adds everywhere. */
  readonly functions?: readonly Overload[]
}

/** The variables of one evaluation: values by name, or a function for those that are made when read. */
export type Variables = Readonly<Record<string, CelValue>> | ((name: string) => CelValue | undefined)

export interface Expression {
  readonly source: string
  readonly resultType: CelType
  readonly checked: Checked
  /**
   * Throws CelError in cel-go's words, and {@link CostLimitError} past the limit. `spend` is told the cost either way.
   */
  evaluate(variables: Variables, options?: { limit?: number; spend?: (cost: number) => void }): CelValue
}

let base: FunctionTable | undefined
const baseTable = (): FunctionTable => (base ??= functionTable([...standard, ...kubernetesLibraries]))

type FunctionTable = ReadonlyMap<string, readonly Overload[]>

function functionTable(overloads: readonly Overload[], onto?: FunctionTable): FunctionTable {
  const table = new Map<string, readonly Overload[]>(onto)
  for (const each of overloads) table.set(each.name, [...(table.get(each.name) ?? []), each])
  return table
}

/** Compiles expressions of Kubernetes' CEL (compatibility version 1.36) over some variables. */
export class Environment {
  readonly #options: EnvironmentOptions
  #table: FunctionTable | undefined

  constructor(options: EnvironmentOptions) {
    this.#options = options
  }

  get #functions(): FunctionTable {
    const { functions = [] } = this.#options
    return (this.#table ??= functions.length ? functionTable(functions, baseTable()) : baseTable())
  }

  /** The same with more variables. */
  with(variables: Readonly<Record<string, CelType>>): Environment {
    return new Environment({ ...this.#options, variables: { ...this.#options.variables, ...variables } })
  }

  /** The same without some variables. */
  without(...names: readonly string[]): Environment {
    const variables = Object.entries(this.#options.variables).filter(([name]) => !names.includes(name))
    return new Environment({ ...this.#options, variables: Object.fromEntries(variables) })
  }

  /** Throws {@link CompileError}. */
  compile(source: string): Expression {
    try {
      return this.#compile(source)
    } catch (error) {
      // Chains within parentheses within chains: each passes the parser's limit, and together they are too deep.
      if (error instanceof RangeError)
        throw new CompileError(source, [{ at: 0, message: 'expression recursion limit exceeded: 250' }])
      throw error
    }
  }

  #compile(source: string): Expression {
    const { variables, struct } = this.#options
    const checked = check(source, parse(source), {
      variable: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
      typeName: (name) => typeNames.get(name),
      overloads: (name) => this.#functions.get(name) ?? [],
      struct: (name) => struct?.(name),
    })
    const program = compileExpr(checked, checked.expr, { names: new Map(), next: 0 })
    return {
      source,
      checked,
      resultType: checked.result,
      evaluate(values, { limit = perCallLimit, spend } = {}) {
        const frame = new Frame(typeof values === 'function' ? values : (name) => values[name], limit)
        try {
          return program(frame)
        } catch (error) {
          throw error instanceof RangeError ? new CostLimitError() : error
        } finally {
          spend?.(frame.cost)
        }
      },
    }
  }
}

/** Whether an expression's type is one of those; dyn is none but itself, as upstream has it. */
export function yields({ resultType }: Expression, ...wanted: readonly CelType[]): boolean {
  return wanted.some((type) => same(resultType, type))
}

export { CompileError, formatType }
