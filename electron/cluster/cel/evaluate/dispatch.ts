import { sizeOf, traversal, type Overload } from '../library/overload.ts'
import type { Expr } from '../syntax/ast.ts'
import type { Checked } from '../types/checker.ts'
import type { CelType } from '../types/types.ts'
import { typeNameOf } from '../values/json.ts'
import { Duration, Timestamp } from '../values/time.ts'
import { CelError, noSuchOverload } from '../values/errors.ts'
import { isList, isMap, OpaqueValue, Optional, TypeValue, Uint, type CelValue } from '../values/values.ts'
import type { Frame, Program } from './frame.ts'

type Implementation = (...args: CelValue[]) => CelValue

/** A call: of the one overload that types decided on, or of the first that the values fit. */
export function dispatch(
  checked: Checked,
  call: Expr,
  name: string,
  args: readonly Expr[],
  compile: (expr: Expr) => Program,
): Program {
  const overloads = checked.overloadsOf(call)
  const programs = args.map(compile)
  const only = overloads.length === 1 && isCertain(overloads[0]!, args, checked) ? overloads[0] : undefined
  return (frame) => {
    const values = programs.map((program) => program(frame))
    const chosen = only ?? overloads.find(({ params }) => params.every((type, i) => fits(type, values[i]!)))
    if (!chosen) throw mismatch(name, values)
    const result = (chosen.call as Implementation)(...values)
    charge(frame, chosen, values, result)
    return result
  }
}

function charge(frame: Frame, { cost, traverses }: Overload, values: readonly CelValue[], result: CelValue): void {
  if (traverses) frame.charge(traversal(values[0]!))
  else frame.charge(cost ? cost(values.map(sizeOf), sizeOf(result)) : 1)
}

const isCertain = ({ params }: Overload, args: readonly Expr[], checked: Checked): boolean =>
  params.every(({ kind }, i) => kind === 'param' || kind === 'dyn' || checked.typeOf(args[i]!).kind === kind)

function mismatch(name: string, values: readonly CelValue[]): CelError {
  if (/^[@\W_]/.test(name)) return noSuchOverload()
  return new CelError(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`)
}

function fits(type: CelType, value: CelValue): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'error':
    case 'param':
      return true
    case 'bool':
      return typeof value === 'boolean'
    case 'int':
      return typeof value === 'bigint'
    case 'double':
      return typeof value === 'number'
    case 'uint':
      return value instanceof Uint
    case 'string':
      return typeof value === 'string'
    case 'bytes':
      return value instanceof Uint8Array
    case 'null':
      return value === null
    case 'timestamp':
      return value instanceof Timestamp
    case 'duration':
      return value instanceof Duration
    case 'list':
      return isList(value) && (value.length === 0 || fits(type.element, value[0]!))
    case 'map':
    case 'object':
      return isMap(value)
    case 'optional':
      return value instanceof Optional && (!value.present || fits(type.value, value.value))
    case 'type':
      return value instanceof TypeValue
    case 'opaque':
      return value instanceof OpaqueValue && value.typeName === type.name
  }
}
