import type { Call, Expr, Fold, Index, ListExpr, MapExpr, Select, StructExpr } from '../syntax/ast.ts'
import { CompileError, type Issue } from '../syntax/errors.ts'
import type { Overload } from '../library/overload.ts'
import { literalIssue } from './literals.ts'
import {
  bool,
  dyn,
  errorType,
  formatType,
  int,
  list,
  map,
  optional,
  typeType,
  type CelType,
  type ObjectType,
} from './types.ts'
import { assignable, assignableAll, mostGeneral, same, substitute, type Bindings } from './unify.ts'

export interface Scope {
  variable(name: string): CelType | undefined
  /** Names of types, which are values. */
  typeName(name: string): CelType | undefined
  overloads(name: string): readonly Overload[]
  /** Messages that expressions may make. */
  struct(name: string): ObjectType | undefined
}

export interface Checked {
  readonly expr: Expr
  readonly result: CelType
  typeOf(expr: Expr): CelType
  /** The overloads that may be meant; arguments decide at run time among several. */
  overloadsOf(call: Expr): readonly Overload[]
  /** A name, maybe with dots, that stands for a type. */
  typeNameOf(expr: Expr): string | undefined
  /** A name with dots that stands for a variable, such as `authorizer.requestResource`. */
  variableNameOf(expr: Expr): string | undefined
  /** The call is of a function with a qualified name: its target is no value. */
  isQualified(call: Call): boolean
}

/** Infers the types of an expression as cel-go does. Throws {@link CompileError} with all that is wrong. */
export function check(source: string, expr: Expr, scope: Scope): Checked {
  const checker = new Checker(scope)
  const result = checker.check(expr)
  if (checker.issues.length) throw new CompileError(source, checker.issues)
  const literals = [...checker.overloads.keys()].flatMap((call) => literalIssue(call) ?? [])
  if (literals.length) throw new CompileError(source, literals)
  const final = new Map([...checker.types].map(([each, type]) => [each, substitute(checker.bindings, type, true)]))
  return {
    expr,
    result: substitute(checker.bindings, result, true),
    typeOf: (each) => final.get(each) ?? dyn,
    overloadsOf: (call) => checker.overloads.get(call) ?? [],
    typeNameOf: (each) => checker.typeNames.get(each),
    variableNameOf: (each) => checker.variableNames.get(each),
    isQualified: (call) => checker.qualified.has(call),
  }
}

class Checker {
  readonly issues: Issue[] = []
  readonly types = new Map<Expr, CelType>()
  readonly overloads = new Map<Expr, readonly Overload[]>()
  readonly typeNames = new Map<Expr, string>()
  readonly variableNames = new Map<Expr, string>()
  readonly qualified = new Set<Expr>()
  readonly bindings: Bindings = new Map()
  readonly #scope: Scope
  #locals: ReadonlyMap<string, CelType> = new Map()
  #fresh = 0

  constructor(scope: Scope) {
    this.#scope = scope
  }

  check(expr: Expr): CelType {
    const type = this.#infer(expr)
    this.types.set(expr, type)
    return type
  }

  #infer(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return { kind: expr.type }
      case 'ident':
        return this.#name(expr, expr.name) ?? this.#undeclared(expr.at, expr.name)
      case 'select':
        return this.#select(expr)
      case 'index':
        return this.#index(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'fold':
        return this.#fold(expr)
    }
  }

  #report(at: number, message: string): CelType {
    this.issues.push({ at, message })
    return errorType
  }

  #undeclared(at: number, name: string): CelType {
    return this.#report(at, `undeclared reference to '${name}' (in container '')`)
  }

  #format(type: CelType): string {
    return formatType(substitute(this.bindings, type, true))
  }

  #resolved(type: CelType): CelType {
    return substitute(this.bindings, type, false)
  }

  #variable(): CelType {
    return { kind: 'param', name: `_var${this.#fresh++}` }
  }

  #name(expr: Expr, name: string): CelType | undefined {
    const known = this.#locals.get(name) ?? this.#scope.variable(name)
    if (known) {
      if (expr.kind === 'select') this.variableNames.set(expr, name)
      return known
    }
    const type = this.#scope.typeName(name)
    if (!type) return undefined
    this.typeNames.set(expr, name)
    return typeType(type)
  }

  #select(expr: Select): CelType {
    const name = expr.test || expr.optional ? undefined : qualifiedName(expr)
    const type = name === undefined || this.#isLocal(name) ? undefined : this.#name(expr, name)
    if (type) return type
    const target = this.#resolved(this.check(expr.operand))
    const inner = target.kind === 'optional' ? target.value : target
    const field = this.#field(expr, inner)
    if (expr.test) return bool
    return target.kind === 'optional' || expr.optional ? optional(field) : field
  }

  /** A variable of that name hides a type whose name begins with it. */
  #isLocal(name: string): boolean {
    return this.#locals.has(name.split('.')[0]!)
  }

  #field({ at, field }: Select, target: CelType): CelType {
    switch (target.kind) {
      case 'dyn':
      case 'error':
        return dyn
      case 'map':
        return target.value
      case 'object':
        return target.field(field) ?? this.#report(at, `undefined field '${field}'`)
      case 'param':
        assignable(this.bindings, target, dyn)
        return dyn
      default:
        return this.#report(at, `type '${this.#format(target)}' does not support field selection`)
    }
  }

  #index(expr: Index): CelType {
    const args = [this.check(expr.operand), this.check(expr.index)]
    return this.#resolve(expr, expr.optional ? '_[?_]' : '_[_]', args, false)
  }

  #call(expr: Call): CelType {
    if (!expr.target) {
      const args = expr.args.map((arg) => this.check(arg))
      if (!this.#scope.overloads(expr.name).length) return this.#undeclared(expr.at, expr.name)
      return this.#resolve(expr, expr.name, args, false)
    }
    const qualifier = qualifiedName(expr.target)
    const full = `${qualifier}.${expr.name}`
    if (qualifier !== undefined && !this.#isLocal(qualifier) && this.#scope.overloads(full).length) {
      this.qualified.add(expr)
      return this.#resolve(
        expr,
        full,
        expr.args.map((arg) => this.check(arg)),
        false,
      )
    }
    const args = [expr.target, ...expr.args].map((arg) => this.check(arg))
    if (!this.#scope.overloads(expr.name).length) return this.#undeclared(expr.at, expr.name)
    return this.#resolve(expr, expr.name, args, true)
  }

  #resolve(expr: Expr, name: string, args: readonly CelType[], member: boolean): CelType {
    const matching: Overload[] = []
    let result: CelType | undefined
    for (const each of this.#scope.overloads(name)) {
      if (each.member !== member) continue
      const params = new Map<string, CelType>()
      const fresh = (type: CelType): CelType => this.#instantiate(type, params)
      if (!assignableAll(this.bindings, args, each.params.map(fresh))) continue
      matching.push(each)
      const type = substitute(this.bindings, fresh(each.result), false)
      result = !result || same(result, type) ? type : dyn
    }
    if (result) {
      this.overloads.set(expr, matching)
      return result
    }
    const types = args.map((type) => this.#format(type))
    const applied = member ? `${types[0]}.(${types.slice(1).join(', ')})` : `(${types.join(', ')})`
    return this.#report(expr.at, `found no matching overload for '${name}' applied to '${applied}'`)
  }

  /** The type with fresh parameters, one for each of the signature's. */
  #instantiate(type: CelType, params: Map<string, CelType>): CelType {
    switch (type.kind) {
      case 'param': {
        const known = params.get(type.name) ?? this.#variable()
        params.set(type.name, known)
        return known
      }
      case 'list':
        return list(this.#instantiate(type.element, params))
      case 'map':
        return map(this.#instantiate(type.key, params), this.#instantiate(type.value, params))
      case 'optional':
        return optional(this.#instantiate(type.value, params))
      case 'type':
        return type.of ? typeType(this.#instantiate(type.of, params)) : type
      default:
        return type
    }
  }

  #list({ elements }: ListExpr): CelType {
    let joined: CelType | undefined
    for (const { value, optional: isOptional } of elements)
      joined = this.#join(value.at, joined, this.#value(value, isOptional))
    return list(joined ?? this.#variable())
  }

  #map({ entries }: MapExpr): CelType {
    let key: CelType | undefined
    let joined: CelType | undefined
    for (const entry of entries) {
      key = this.#join(entry.key.at, key, this.check(entry.key))
      joined = this.#join(entry.value.at, joined, this.#value(entry.value, entry.optional))
    }
    return map(key ?? this.#variable(), joined ?? this.#variable())
  }

  /** The type of what is put into an aggregate: what the optional holds, where one is put. */
  #value(expr: Expr, isOptional: boolean): CelType {
    const type = this.#resolved(this.check(expr))
    if (!isOptional || type.kind === 'dyn') return type
    if (type.kind === 'optional') return type.value
    return this.#mismatch(expr.at, optional(type), type)
  }

  #mismatch(at: number, expected: CelType, found: CelType): CelType {
    return this.#report(at, `expected type '${this.#format(expected)}' but found '${this.#format(found)}'`)
  }

  #join(at: number, previous: CelType | undefined, current: CelType): CelType {
    if (!previous) return current
    if (assignableAll(this.bindings, [previous], [current])) return mostGeneral(previous, current)
    this.#mismatch(at, previous, current)
    return previous
  }

  #struct(expr: StructExpr): CelType {
    const type = this.#scope.struct(expr.type)
    for (const { at, field, value, optional: isOptional } of expr.entries) {
      const found = this.#value(value, isOptional)
      const wanted = type?.field(field)
      if (type && !wanted) this.#report(at, `undefined field '${field}'`)
      else if (wanted && !assignableAll(this.bindings, [found], [wanted])) {
        const [is, provided] = [this.#format(wanted), this.#format(found)]
        this.#report(at, `expected type of field '${field}' is '${is}' but provided type is '${provided}'`)
      }
    }
    return type ?? this.#undeclared(expr.at, expr.type)
  }

  #fold(expr: Fold): CelType {
    const range = this.#resolved(this.check(expr.range))
    const outer = this.#locals
    const variables = this.#iterated(expr, range)
    this.#locals = new Map([...outer, ...expr.variables.map((name, i) => [name, variables[i]!] as const)])
    const args = expr.args.map((arg) => this.check(arg))
    this.#locals = outer
    return this.#folded(expr, variables, args)
  }

  #iterated({ macro, range: { at }, variables }: Fold, range: CelType): CelType[] {
    if (macro === 'optMap' || macro === 'optFlatMap') {
      if (range.kind === 'optional') return [range.value]
      if (range.kind !== 'dyn' && range.kind !== 'error') this.#mismatch(at, optional(range), range)
      return [dyn]
    }
    const two = variables.length === 2
    if (range.kind === 'list') return two ? [int, range.element] : [range.element]
    if (range.kind === 'map') return two ? [range.key, range.value] : [range.key]
    if (range.kind !== 'dyn' && range.kind !== 'error' && range.kind !== 'param') {
      const message = `expression of type '${this.#format(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`
      this.#report(at, message)
      return [errorType, errorType]
    }
    return [dyn, dyn]
  }

  #folded(expr: Fold, variables: readonly CelType[], args: readonly CelType[]): CelType {
    const last = args.at(-1)!
    const condition = (index: number, operator: string, rest: readonly CelType[]): void => {
      const type = args[index]!
      if (assignableAll(this.bindings, [type], [bool])) return
      const shown = (operator === '_?_:_' ? [type, ...rest] : [...rest, type]).map((each) => this.#format(each))
      this.#report(expr.at, `found no matching overload for '${operator}' applied to '(${shown.join(', ')})'`)
    }
    switch (expr.macro) {
      case 'all':
      case 'exists':
        condition(0, expr.macro === 'all' ? '_&&_' : '_||_', [bool])
        return bool
      case 'existsOne':
        condition(0, '_?_:_', [int, int])
        return bool
      case 'filter': {
        const result = list(variables[0]!)
        condition(0, '_?_:_', [result, result])
        return result
      }
      case 'map':
      case 'transformList': {
        const result = list(last)
        if (args.length === 2) condition(0, '_?_:_', [result, result])
        return result
      }
      case 'transformMap':
      case 'transformMapEntry': {
        const result = expr.macro === 'transformMap' ? map(variables[0]!, last) : last
        if (args.length === 2) condition(0, '_?_:_', [result, result])
        return result
      }
      case 'optMap':
        return optional(last)
      case 'optFlatMap': {
        const type = this.#resolved(last)
        return type.kind === 'optional' || type.kind === 'dyn' || type.kind === 'error'
          ? type
          : this.#mismatch(expr.at, optional(type), type)
      }
    }
  }
}

/** `a.b.c` where nothing but names stands. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name
  if (expr.kind !== 'select' || expr.test || expr.optional) return undefined
  const operand = qualifiedName(expr.operand)
  return operand === undefined ? undefined : `${operand}.${expr.field}`
}
