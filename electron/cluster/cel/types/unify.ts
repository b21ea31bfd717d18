import { dyn, isWild, list, map, optional, typeType, type CelType } from './types.ts'

/** What type parameters were found to stand for. Copied on speculation, so that a failed match leaves nothing behind. */
export type Bindings = Map<string, CelType>

/** Whether a value of `from` may stand where `to` is wanted; binds parameters of either. Source: cel-go's checker/types.go. */
export function assignable(bindings: Bindings, from: CelType, to: CelType): boolean {
  if (to.kind === 'param') {
    const outcome = bind(bindings, from, to)
    if (outcome === 'bound') return true
    if (outcome === 'other') return false
  }
  if (from.kind === 'param') return bind(bindings, to, from) === 'bound'
  if (isWild(from) || isWild(to)) return true
  if (from.kind === 'null') return ['null', 'object', 'optional', 'opaque', 'timestamp', 'duration'].includes(to.kind)
  if (from.kind !== to.kind) return false
  switch (from.kind) {
    case 'list':
      return assignable(bindings, from.element, (to as typeof from).element)
    case 'map':
      return (
        assignable(bindings, from.key, (to as typeof from).key) &&
        assignable(bindings, from.value, (to as typeof from).value)
      )
    case 'optional':
      return assignable(bindings, from.value, (to as typeof from).value)
    case 'object':
    case 'opaque':
      return from.name === (to as typeof from).name
    default:
      return true
  }
}

/** All of them, or nothing is bound. */
export function assignableAll(bindings: Bindings, from: readonly CelType[], to: readonly CelType[]): boolean {
  if (from.length !== to.length) return false
  const trial = new Map(bindings)
  if (!from.every((type, i) => assignable(trial, type, to[i]!))) return false
  for (const [name, type] of trial) bindings.set(name, type)
  return true
}

function bind(bindings: Bindings, type: CelType, param: CelType & { kind: 'param' }): 'bound' | 'other' | 'occurs' {
  const known = bindings.get(param.name)
  if (known) {
    if (same(type, known)) return 'bound'
    if (!assignable(bindings, type, known)) return 'other'
    bindings.set(param.name, mostGeneral(type, known))
    return 'bound'
  }
  if (occurs(bindings, param, type)) return 'occurs'
  bindings.set(param.name, type)
  return 'bound'
}

export function same(a: CelType, b: CelType): boolean {
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'list':
      return same(a.element, (b as typeof a).element)
    case 'map':
      return same(a.key, (b as typeof a).key) && same(a.value, (b as typeof a).value)
    case 'optional':
      return same(a.value, (b as typeof a).value)
    case 'param':
    case 'object':
    case 'opaque':
      return a.name === (b as typeof a).name
    default:
      return true
  }
}

function occurs(bindings: Bindings, param: CelType & { kind: 'param' }, within: CelType): boolean {
  switch (within.kind) {
    case 'param': {
      if (within.name === param.name) return true
      const known = bindings.get(within.name)
      return known !== undefined && occurs(bindings, param, known)
    }
    case 'list':
      return occurs(bindings, param, within.element)
    case 'map':
      return occurs(bindings, param, within.key) || occurs(bindings, param, within.value)
    case 'optional':
      return occurs(bindings, param, within.value)
    default:
      return false
  }
}

export const mostGeneral = (a: CelType, b: CelType): CelType => (lessSpecific(a, b) ? a : b)

function lessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true
  if (b.kind === 'dyn' || b.kind === 'param' || a.kind !== b.kind) return false
  switch (a.kind) {
    case 'list':
      return lessSpecific(a.element, (b as typeof a).element)
    case 'map':
      return lessSpecific(a.key, (b as typeof a).key) && lessSpecific(a.value, (b as typeof a).value)
    case 'optional':
      return lessSpecific(a.value, (b as typeof a).value)
    default:
      return same(a, b)
  }
}

/** The type with what is known of its parameters; those that stay open become dyn when `final`. */
export function substitute(bindings: Bindings, type: CelType, final: boolean): CelType {
  switch (type.kind) {
    case 'param': {
      const known = bindings.get(type.name)
      return known ? substitute(bindings, known, final) : final ? dyn : type
    }
    case 'list':
      return list(substitute(bindings, type.element, final))
    case 'map':
      return map(substitute(bindings, type.key, final), substitute(bindings, type.value, final))
    case 'optional':
      return optional(substitute(bindings, type.value, final))
    case 'type':
      return type.of ? typeType(substitute(bindings, type.of, final)) : type
    default:
      return type
  }
}
