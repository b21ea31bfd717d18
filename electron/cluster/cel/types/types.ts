/** The types of CEL, structurally; only objects and opaque types go by name. */
export type CelType =
  | { readonly kind: Simple }
  | { readonly kind: 'list'; readonly element: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | { readonly kind: 'optional'; readonly value: CelType }
  | { readonly kind: 'type'; readonly of?: CelType }
  | { readonly kind: 'param'; readonly name: string }
  /** A library's own type, such as `kubernetes.Quantity`. */
  | { readonly kind: 'opaque'; readonly name: string }
  | ObjectType

export type Simple =
  'dyn' | 'error' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration'

export interface ObjectType {
  readonly kind: 'object'
  readonly name: string
  /** The type of a field, by its escaped name. */
  field(name: string): CelType | undefined
}

const simple = (kind: Simple): { readonly kind: Simple } => ({ kind })

export const dyn = simple('dyn')
export const errorType = simple('error')
export const bool = simple('bool')
export const int = simple('int')
export const uint = simple('uint')
export const double = simple('double')
export const string = simple('string')
export const bytes = simple('bytes')
export const nullType = simple('null')
export const timestamp = simple('timestamp')
export const duration = simple('duration')
export const list = (element: CelType): CelType => ({ kind: 'list', element })
export const map = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value })
export const optional = (value: CelType): CelType => ({ kind: 'optional', value })
export const typeType = (of?: CelType): CelType => (of ? { kind: 'type', of } : { kind: 'type' })
export const opaque = (name: string): CelType => ({ kind: 'opaque', name })
export const objectType = (name: string, fields: Readonly<Record<string, CelType>>): ObjectType => ({
  kind: 'object',
  name,
  field: (field) => (Object.hasOwn(fields, field) ? fields[field] : undefined),
})

/** As compile errors spell it. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`
    case 'optional':
      return `optional_type(${formatType(type.value)})`
    case 'type':
      return type.of ? `type(${formatType(type.of)})` : 'type'
    case 'object':
    case 'opaque':
    case 'param':
      return type.name
    case 'error':
      return '!error!'
    default:
      return type.kind
  }
}

export const isWild = ({ kind }: CelType): boolean => kind === 'dyn' || kind === 'error'
