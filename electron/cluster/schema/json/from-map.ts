import type { FieldType } from '../api.ts'

/**
 * What apimachinery's converter of maps says of a value that does not fit its type; undefined where it fits, or where
 * hand-written decoding sees to it. `named`: how Go names the type. Source: apimachinery/pkg/runtime/converter.go.
 */
export function unconvertible(type: FieldType, value: unknown, named: () => string): string | undefined {
  const kind = goKindOf(value)
  switch (type.is) {
    case 'object':
      return kind === 'map' ? undefined : `cannot restore struct from: ${kind}`
    case 'list':
      return kind === 'slice' ? undefined : `cannot restore slice from ${kind}`
    case 'map':
      return kind === 'map' ? undefined : `cannot restore map from ${kind}`
    case 'scalar':
      switch (type.scalar) {
        case 'string':
          if (kind === 'string') return undefined
          return kind === 'int64' ? `cannot convert int64 to ${named()}` : 'unrecognized type: string'
        case 'boolean':
          return kind === 'bool' ? undefined : 'unrecognized type: bool'
        case 'int32':
        case 'int64':
          if (kind === 'int64') return undefined
          return kind === 'float64' ? `cannot convert float64 to ${named()}` : `unrecognized type: ${type.scalar}`
        case 'double':
          return kind === 'int64' || kind === 'float64' ? undefined : 'unrecognized type: float64'
        case 'bytes':
          return kind === 'string' ? undefined : `cannot restore slice from ${kind}`
        default:
          return undefined
      }
  }
}

/** Go's kind of what was read from JSON. */
function goKindOf(value: unknown): string {
  if (Array.isArray(value)) return 'slice'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  if (typeof value === 'bigint') return 'int64'
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'map'
}
