import type { KubeObject } from '#shared/kube/object.ts'
import type { Composition } from '../../../cel/admission/variables.ts'
import { perCallLimit, type Expression } from '../../../cel/environment.ts'
import { CelError, CostLimitError } from '../../../cel/values/errors.ts'
import { fromJson } from '../../../cel/values/json.ts'
import { MapValue, type CelValue, type OpaqueValue } from '../../../cel/values/values.ts'

export const outOfBudget =
  'validation failed due to running out of cost budget, no further validation rules will be run'

/** No more expressions of the policy are evaluated for this request. */
export class OutOfBudgetError extends Error {
  override readonly name = 'OutOfBudgetError'
  constructor() {
    super(outOfBudget)
  }
}

/** What the expressions of one policy may still cost for one request. */
export class Budget {
  #left: number
  constructor(limit: number) {
    this.#left = limit
  }
  spend(cost: number): void {
    if (cost > this.#left) throw new OutOfBudgetError()
    this.#left -= cost
  }
}

export interface ActivationInput {
  readonly object: CelValue
  readonly oldObject: CelValue
  readonly request: Record<string, unknown>
  readonly namespace: KubeObject | undefined
  /** Undefined: the policy's binding names none. */
  readonly params?: KubeObject | undefined
  readonly authorizer: () => { authorizer: OpaqueValue; requestResource: OpaqueValue }
  readonly composition?: Composition | undefined
}

export type Evaluated = { readonly value: CelValue } | { readonly error: string }

/** The variables of a policy's expressions for one request. The policy's own are evaluated when they are first read. */
export class Activation {
  readonly #input: ActivationInput
  readonly #budget: Budget
  readonly #known = new Map<string, CelValue>()

  constructor(input: ActivationInput, budget: Budget) {
    this.#input = input
    this.#budget = budget
  }

  /** Throws OutOfBudgetError; what is wrong with the expression or its evaluation is part of the answer. */
  evaluate(compiled: Expression | { error: string }, source: string): Evaluated {
    if ('error' in compiled) return { error: `compilation error: ${compiled.error}` }
    try {
      return { value: this.run(compiled) }
    } catch (error) {
      if (error instanceof CelError) return { error: `expression '${source}' resulted in error: ${error.message}` }
      throw error
    }
  }

  run(expression: Expression): CelValue {
    let cost = 0
    try {
      return expression.evaluate((name) => this.#variable(name), {
        limit: perCallLimit,
        spend: (spent) => (cost = spent),
      })
    } finally {
      this.#budget.spend(cost)
    }
  }

  #variable(name: string): CelValue | undefined {
    let value = this.#known.get(name)
    if (value === undefined) {
      value = this.#make(name)
      if (value !== undefined) this.#known.set(name, value)
    }
    return value
  }

  #make(name: string): CelValue | undefined {
    const { object, oldObject, request, namespace, params, authorizer, composition } = this.#input
    switch (name) {
      case 'object':
        return object
      case 'oldObject':
        return oldObject
      case 'request':
        return fromJson(request)
      case 'namespaceObject':
        return fromJson(namespace ?? null)
      case 'params':
        return fromJson(params ?? null)
      case 'authorizer':
        return authorizer().authorizer
      case 'authorizer.requestResource':
        return authorizer().requestResource
      case 'variables':
        return composition && new ComposedValues(composition, (expression) => this.run(expression))
      default:
        return undefined
    }
  }
}

class ComposedValues extends MapValue {
  override readonly typeName = 'kubernetes.variables'
  readonly #composition: Composition
  readonly #run: (expression: Expression) => CelValue
  readonly #known = new Map<CelValue, CelValue>()

  constructor(composition: Composition, run: (expression: Expression) => CelValue) {
    super()
    this.#composition = composition
    this.#run = run
  }

  find(key: CelValue): CelValue | undefined {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const variable = this.#composition.variables.find(({ name }) => name === key)
    if (!variable) return undefined
    const value = this.#evaluate(variable)
    this.#known.set(key, value)
    return value
  }

  #evaluate({ name, compiled }: Composition['variables'][number]): CelValue {
    const say = (what: string, why: string) =>
      new CelError(`composited variable ${JSON.stringify(name)} fails to ${what}: ${why}`)
    if ('error' in compiled) throw say('compile', compiled.error)
    try {
      return this.#run(compiled)
    } catch (error) {
      if (error instanceof CelError && !(error instanceof CostLimitError)) throw say('evaluate', error.message)
      throw error
    }
  }

  keys(): readonly CelValue[] {
    return this.#composition.variables.map(({ name }) => name)
  }
}
