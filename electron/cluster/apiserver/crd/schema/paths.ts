/** Where in an object something is, as field paths write it: `spec.ports[0].name`; '' for the object itself. */
export const child = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
/** An entry of a map, as upstream's field.Path.Key writes it. */
export const keyed = (path: string, key: string): string => `${path}[${key}]`
export const indexed = (path: string, index: number): string => `${path}[${index}]`

export type JsonObject = Record<string, unknown>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads a property by a name that may come from a client: never one of Object.prototype. */
export const own = <T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  map && Object.hasOwn(map, name) ? map[name] : undefined
