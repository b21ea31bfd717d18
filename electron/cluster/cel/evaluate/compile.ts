import type { Call, Expr, ListExpr, MapExpr, Select, StructExpr } from '../syntax/ast.ts'
import type { Checked } from '../types/checker.ts'
import { CelError, noSuchOverload } from '../values/errors.ts'
import { LiteralMap, mapKey, MapValue, Optional, TypeValue, Uint, type CelValue } from '../values/values.ts'
import { costs } from './costs.ts'
import { dispatch } from './dispatch.ts'
import { compileFold } from './fold.ts'
import { attempt, type Compile, type Frame, type Program, type Slots } from './frame.ts'

/** Turns a checked expression into closures. */
export const compileExpr: Compile = (checked, expr, slots) => {
  const compile = (each: Expr): Program => compileExpr(checked, each, slots)
  const typeName = checked.typeNameOf(expr)
  if (typeName !== undefined) return constant(new TypeValue(typeName))
  const variable = checked.variableNameOf(expr)
  if (variable !== undefined) return compileName(variable, slots)
  switch (expr.kind) {
    case 'literal':
      return constant(expr.type === 'uint' ? new Uint(expr.value as bigint) : (expr.value as CelValue))
    case 'ident':
      return compileName(expr.name, slots)
    case 'select':
      return compileSelect(expr, compile(expr.operand))
    case 'index':
      return dispatch(checked, expr, '_[_]', [expr.operand, expr.index], compile)
    case 'call':
      return compileCall(checked, expr, compile)
    case 'list':
      return compileList(expr, compile)
    case 'map':
      return compileMap(expr, compile)
    case 'struct':
      return compileStruct(expr, compile)
    case 'fold':
      return compileFold(checked, expr, slots, compileExpr)
  }
}

const constant =
  (value: CelValue): Program =>
  () =>
    value

function compileName(name: string, slots: Slots): Program {
  const slot = slots.names.get(name)
  if (slot !== undefined)
    return (frame) => {
      frame.charge(costs.ident)
      return frame.locals[slot]!
    }
  return (frame) => {
    frame.charge(costs.ident)
    const value = frame.variables(name)
    if (value === undefined) throw new CelError(`no such attribute(s): ${name}`)
    return value
  }
}

function compileSelect({ field, test, optional }: Select, operand: Program): Program {
  if (test) return (frame) => isPresent(operand(frame), field)
  return (frame) => {
    const target = operand(frame)
    frame.charge(costs.select)
    if (target instanceof Optional || optional) return optionalField(target, field)
    if (!(target instanceof MapValue)) throw noSuchOverload()
    const value = target.find(field)
    if (value === undefined) throw new CelError(`no such key: ${field}`)
    return value
  }
}

function isPresent(target: CelValue, field: string): boolean {
  const holder = target instanceof Optional ? (target.present ? target.value : undefined) : target
  if (holder === undefined) return false
  if (!(holder instanceof MapValue)) throw noSuchOverload()
  return holder.has(field)
}

function optionalField(target: CelValue, field: string): CelValue {
  if (target instanceof Optional && !target.present) return Optional.none
  const holder = target instanceof Optional ? target.value : target
  if (!(holder instanceof MapValue)) throw noSuchOverload()
  const value = holder.find(field)
  return value === undefined ? Optional.none : Optional.of(value)
}

function compileCall(checked: Checked, call: Call, compile: (expr: Expr) => Program): Program {
  const { name, target, args } = call
  if (!target && args.length === 2 && (name === '_&&_' || name === '_||_'))
    return logical(compile(args[0]!), compile(args[1]!), name === '_||_')
  if (!target && name === '_?_:_') {
    const [condition, then, otherwise] = args.map(compile)
    return (frame) => {
      const chosen = condition!(frame)
      if (typeof chosen !== 'boolean') throw noSuchOverload()
      return chosen ? then!(frame) : otherwise!(frame)
    }
  }
  return dispatch(checked, call, name, target && !checked.isQualified(call) ? [target, ...args] : args, compile)
}

/** An operand that decides is the answer, whatever the other one does; else the left one's error counts. */
function logical(left: Program, right: Program, decisive: boolean): Program {
  return (frame) => {
    const first = attempt(left, frame)
    if (first === decisive) return decisive
    const second = attempt(right, frame)
    if (second === decisive) return decisive
    for (const each of [first, second]) {
      if (each instanceof CelError) throw each
      if (typeof each !== 'boolean') throw noSuchOverload()
    }
    return !decisive
  }
}

function compileList({ elements }: ListExpr, compile: (expr: Expr) => Program): Program {
  const parts = elements.map(({ value, optional }) => ({ program: compile(value), optional }))
  const make = (frame: Frame): CelValue[] => {
    const made: CelValue[] = []
    for (const { program, optional } of parts) {
      const value = program(frame)
      if (!optional) made.push(value)
      else if (!(value instanceof Optional)) throw noSuchOverload()
      else if (value.present) made.push(value.value)
    }
    return made
  }
  // Lists of literals are constants and cost nothing.
  if (elements.every(({ value }) => value.kind === 'literal')) return constant(make(undefined as unknown as Frame))
  return (frame) => {
    const made = make(frame)
    frame.charge(costs.list)
    return made
  }
}

function compileMap({ entries }: MapExpr, compile: (expr: Expr) => Program): Program {
  const parts = entries.map(({ key, value, optional }) => ({ key: compile(key), value: compile(value), optional }))
  return (frame) => {
    const made = new Map<CelValue, CelValue>()
    for (const { key, value, optional } of parts) {
      const at = mapKey(key(frame))
      if (!['string', 'bigint', 'boolean', 'number'].includes(typeof at)) throw new CelError('unsupported key type')
      if (made.has(at)) throw new CelError(`Failed with repeated key`)
      const found = value(frame)
      if (!optional) made.set(at, found)
      else if (!(found instanceof Optional)) throw noSuchOverload()
      else if (found.present) made.set(at, found.value)
    }
    frame.charge(costs.map)
    return new LiteralMap(made)
  }
}

function compileStruct({ type, entries }: StructExpr, compile: (expr: Expr) => Program): Program {
  const parts = entries.map(({ field, value, optional }) => ({ field, value: compile(value), optional }))
  return (frame) => {
    const made = new Map<CelValue, CelValue>()
    for (const { field, value, optional } of parts) {
      const found = value(frame)
      if (!optional) made.set(field, found)
      else if (!(found instanceof Optional)) throw noSuchOverload()
      else if (found.present) made.set(field, found.value)
    }
    frame.charge(costs.struct)
    return new LiteralMap(made, type)
  }
}
