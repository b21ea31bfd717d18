import { costs, stepCosts } from '../evaluate/costs.ts'
import { reading, type Overload } from '../library/overload.ts'
import type { Expr, Fold } from '../syntax/ast.ts'
import type { Checked } from '../types/checker.ts'
import type { Declaration } from './types.ts'

export interface Range {
  readonly min: number
  readonly max: number
}

/** Upstream's per-expression and per-CRD limits for estimates. */
export const staticEstimateLimit = 10_000_000
export const staticEstimateTotal = 100_000_000

/** What is known of a part of an expression before it runs. */
interface Part {
  readonly cost: Range
  /** Characters, elements or entries. */
  readonly size: Range
  readonly declaration?: Declaration | undefined
  /** Of list elements made by the expression. */
  readonly element?: Part | undefined
}

const top = 2 ** 64 - 1
const capped = (value: number): number => Math.min(top, Number.isNaN(value) ? 0 : value)
const range = (min: number, max = min): Range => ({ min: capped(min), max: capped(max) })
const add = (...ranges: readonly Range[]): Range =>
  range(
    ranges.reduce((sum, { min }) => sum + min, 0),
    ranges.reduce((sum, { max }) => sum + max, 0),
  )
const times = (a: Range, b: Range): Range => range(a.min * b.min, a.max * b.max)
const unknownSize = range(0, top)
/** Values of one size, whatever they are made from. */
const scalars: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'timestamp', 'duration'])

/**
 * What evaluating the expression may cost, from the bounds of its variables' schemas. Estimates follow cel-go's checker:
 * the same costs that running charges, with the smallest and largest sizes that values may have.
 */
export function estimateCost(checked: Checked, variables: Readonly<Record<string, Declaration>>): Range {
  return new Estimator(checked, variables).part(checked.expr).cost
}

class Estimator {
  readonly #checked: Checked
  readonly #variables: Readonly<Record<string, Declaration>>
  readonly #locals = new Map<string, Part>()

  constructor(checked: Checked, variables: Readonly<Record<string, Declaration>>) {
    this.#checked = checked
    this.#variables = variables
  }

  part(expr: Expr): Part {
    const part = this.#part(expr)
    return scalars.has(this.#checked.typeOf(expr).kind) ? { ...part, size: range(1) } : part
  }

  #part(expr: Expr): Part {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr
        const size = typeof value === 'string' || value instanceof Uint8Array ? value.length : 1
        return { cost: range(0), size: range(size) }
      }
      case 'ident':
        return this.#name(expr.name)
      case 'select': {
        const operand = this.part(expr.operand)
        const cost = expr.test ? operand.cost : add(operand.cost, range(costs.select))
        return this.#of(operand.declaration?.fields?.get(expr.field) ?? operand.declaration?.element, cost)
      }
      case 'index': {
        const [operand, index] = [this.part(expr.operand), this.part(expr.index)]
        const cost = add(operand.cost, index.cost, range(1))
        return operand.element ? { ...operand.element, cost } : this.#of(operand.declaration?.element, cost)
      }
      case 'list': {
        const parts = expr.elements.map(({ value }) => this.part(value))
        const isConstant = expr.elements.every(({ value }) => value.kind === 'literal')
        const cost = add(range(isConstant ? 0 : costs.list), ...parts.map((part) => part.cost))
        const size = range(expr.elements.filter(({ optional }) => !optional).length, parts.length)
        return { cost, size, element: largest(parts) }
      }
      case 'map': {
        const parts = expr.entries.flatMap(({ key, value }) => [this.part(key), this.part(value)])
        return { cost: add(range(costs.map), ...parts.map((part) => part.cost)), size: range(expr.entries.length) }
      }
      case 'struct': {
        const parts = expr.entries.map(({ value }) => this.part(value))
        return { cost: add(range(costs.struct), ...parts.map((part) => part.cost)), size: range(1) }
      }
      case 'call':
        return this.#call(expr.name, expr.target ? [expr.target, ...expr.args] : expr.args, expr)
      case 'fold':
        return this.#fold(expr)
    }
  }

  #name(name: string): Part {
    const local = this.#locals.get(name)
    if (local) return { ...local, cost: range(costs.ident) }
    return this.#of(Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined, range(costs.ident))
  }

  #of(declaration: Declaration | undefined, cost: Range): Part {
    return { cost, declaration, size: declaration ? range(0, declaration.largest) : unknownSize }
  }

  #call(name: string, operands: readonly Expr[], call: Expr): Part {
    const skipTarget = call.kind === 'call' && this.#checked.isQualified(call)
    const parts = (skipTarget ? operands.slice(1) : operands).map((operand) => this.part(operand))
    const [first, second, third] = parts
    if (name === '_&&_' || name === '_||_')
      return { cost: range(first!.cost.min, first!.cost.max + second!.cost.max), size: range(1) }
    if (name === '_?_:_') {
      const branches = range(Math.min(second!.cost.min, third!.cost.min), Math.max(second!.cost.max, third!.cost.max))
      return { ...largest([second!, third!])!, cost: add(first!.cost, branches) }
    }
    const overloads = this.#checked.overloadsOf(call)
    const calls = overloads.map((overload) => callCost(overload, parts))
    const callRange = range(Math.min(...calls.map(({ min }) => min)), Math.max(...calls.map(({ max }) => max)))
    return {
      cost: add(callRange, ...parts.map((part) => part.cost)),
      size: resultSize(overloads, parts, this.#checked.typeOf(call).kind),
      ...(name === '_+_' && first?.declaration?.element && { element: this.#of(first.declaration.element, range(0)) }),
      ...((name === 'orValue' || name === 'value') && { declaration: first?.declaration }),
    }
  }

  #fold(fold: Fold): Part {
    const over = this.part(fold.range)
    const element = over.element ?? this.#of(over.declaration?.element, range(0))
    const names = fold.variables
    const isMap = this.#checked.typeOf(fold.range).kind === 'map'
    const key: Part = { cost: range(0), size: isMap ? range(0, top) : range(1) }
    const saved = names.map((name) => this.#locals.get(name))
    names.forEach((name, i) => this.#locals.set(name, names.length === 2 ? (i ? element : key) : isMap ? key : element))
    const args = fold.args.map((arg) => this.part(arg))
    names.forEach((name, i) => (saved[i] ? this.#locals.set(name, saved[i]) : this.#locals.delete(name)))
    const isBinding = fold.macro === 'optMap' || fold.macro === 'optFlatMap'
    const count = isBinding ? range(0, 1) : over.size
    const step = add(range(stepCosts[fold.macro]), ...args.map((arg) => arg.cost))
    const cost = add(
      over.cost,
      times(count, fold.macro === 'all' || fold.macro === 'exists' ? range(0, step.max) : step),
    )
    const made = fold.macro === 'filter' ? element : args.at(-1)!
    return { cost, size: range(0, count.max), element: made, ...(isBinding && { declaration: made.declaration }) }
  }
}

function largest(parts: readonly Part[]): Part | undefined {
  return parts.reduce<Part | undefined>(
    (best, part) => (!best || part.size.max > best.size.max ? part : best),
    undefined,
  )
}

function callCost({ cost, traverses }: Overload, parts: readonly Part[]): Range {
  if (traverses) {
    const [first] = parts
    const inner =
      first!.element ?? (first!.declaration?.element && { size: range(0, first!.declaration.element.largest) })
    if (!inner) return range(reading(first!.size.min), reading(first!.size.max))
    return times(first!.size, range(1, 1 + reading(inner.size.max)))
  }
  if (!cost) return range(1)
  const at = (end: 'min' | 'max') => {
    const sizes = parts.map(({ size }) => size[end])
    return cost(
      sizes,
      sizes.reduce((sum, size) => sum + size, 0),
    )
  }
  return range(at('min'), at('max'))
}

function resultSize(overloads: readonly Overload[], parts: readonly Part[], kind: string): Range {
  if (['bool', 'int', 'uint', 'double', 'timestamp', 'duration'].includes(kind)) return range(1)
  const sizes = overloads.map(({ resultSize: of }) => of?.(parts.map(({ size }) => size.max)))
  return sizes.some((size) => size === undefined) ? unknownSize : range(0, Math.max(...(sizes as number[])))
}
