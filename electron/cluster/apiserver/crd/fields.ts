import { isObject, type JsonObject } from './schema/paths.ts'

/** The value at a simple path of the dot notation, such as `.spec.replicas`. */
export function valueAt(object: unknown, path: string): unknown {
  let value: unknown = object
  for (const name of namesIn(path)) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

/** Sets the value at a simple path, making the objects that lead there. */
export function setAt(object: JsonObject, path: string, value: unknown): void {
  const names = namesIn(path)
  const last = names.pop()!
  let holder = object
  for (const name of names) {
    const next = holder[name]
    holder = isObject(next) ? next : ((holder[name] = {}) as JsonObject)
  }
  holder[last] = value
}

/** The names in a simple path. */
export const namesIn = (path: string): string[] => path.replace(/^\./, '').split('.')

/** The first thing on the way to a simple path that is no object though it should be, as upstream complains of it. */
export function accessorError(object: unknown, path: string, wanted: 'int64' | 'string'): string | undefined {
  let value: unknown = object
  const names = namesIn(path)
  for (const [i, name] of names.entries()) {
    if (value === undefined) return undefined
    if (!isObject(value))
      return `.${names.slice(0, i).join('.')} accessor error: ${goValue(value)} is of the type ${goType(value)}, expected map[string]interface{}`
    value = Object.hasOwn(value, name) ? value[name] : undefined
  }
  if (value === undefined) return undefined
  const fits = wanted === 'string' ? typeof value === 'string' : typeof value === 'bigint' || Number.isInteger(value)
  return fits
    ? undefined
    : `.${names.join('.')} accessor error: ${goValue(value)} is of the type ${goType(value)}, expected ${wanted}`
}

/** As Go's %v and %T write a value. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (isObject(value))
    return `map[${Object.keys(value)
      .sort()
      .map((key) => `${key}:${goValue(value[key])}`)
      .join(' ')}]`
  return String(value)
}

function goType(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  if (isObject(value)) return 'map[string]interface {}'
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'boolean' ? 'bool' : 'string'
}
