import type { Environment, Expression } from '../environment.ts'
import { dyn, list, map, objectType, type CelType } from '../types/types.ts'
import { compileTyped } from './compile.ts'

export interface NamedExpression {
  readonly name: string
  readonly expression: string
}

export interface ComposedVariable {
  readonly name: string
  readonly compiled: Expression | { error: string }
}

/** A policy's variables: each may use those before it, as `variables.name`. */
export interface Composition {
  readonly variables: readonly ComposedVariable[]
  /** The environment with all of them. */
  readonly environment: Environment
}

/** Of objects and of libraries' types nothing is known through a variable. Source: convertCelTypeToDeclType. */
function known(type: CelType): CelType {
  switch (type.kind) {
    case 'list':
      return list(known(type.element))
    case 'map':
      return map(known(type.key), known(type.value))
    case 'object':
    case 'opaque':
    case 'optional':
    case 'type':
    case 'param':
      return dyn
    default:
      return type
  }
}

export function compose(environment: Environment, variables: readonly NamedExpression[]): Composition {
  const types: Record<string, CelType> = {}
  const extended = () => environment.with({ variables: objectType('kubernetes.variables', { ...types }) })
  const composed = variables.map(({ name, expression }) => {
    const compiled = compileTyped(extended(), expression, [])
    types[name] = 'error' in compiled ? dyn : known(compiled.resultType)
    return { name, compiled }
  })
  return { variables: composed, environment: extended() }
}
