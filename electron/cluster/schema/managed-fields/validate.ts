import { goFormat } from '../patch/values.ts'
import { printPath } from './path-element.ts'
import type { ListShape, MapShape, Shape } from './shape.ts'
import { elementOfField, elementOfItem, isMap, resolve, type JsonObject } from './view.ts'

/**
 * What keeps an applied configuration from being typed, worded as structured-merge-diff words it: `.spec.bogus: field
 * not declared in schema`. Undefined when nothing does.
 */
export function typingErrors(object: JsonObject, shape: Shape): string | undefined {
  const errors: string[] = []
  const path: string[] = []
  const report = (message: string) => errors.push(path.length ? `${printPath(path)}: ${message}` : message)
  const visit = (at: Shape, value: unknown): void => {
    if (value === null) return
    const kind = resolve(at, value)
    if (kind.is === 'scalar') {
      const wrong = scalarError(kind.accepts, value)
      if (wrong) report(wrong)
    } else if (kind.is === 'map') {
      if (isMap(value)) visitMap(kind, value)
      else report(`expected map, got ${shown(value)}`)
    } else if (Array.isArray(value)) visitList(kind, value)
    else report(`expected list, got ${shown(value)}`)
  }
  // Nothing is looked at behind a field that is not known, and behind an item that nothing identifies.
  const visitMap = (map: MapShape, value: JsonObject): void => {
    for (const [key, item] of Object.entries(value)) {
      const under = map.field(key) ?? map.values
      path.push(elementOfField(key))
      if (under) visit(under, item)
      else report('field not declared in schema')
      path.pop()
      if (!under) return
    }
  }
  const visitList = (list: ListShape, items: readonly unknown[]): void => {
    const seen = new Set<string>()
    for (const [index, item] of items.entries()) {
      let element = `i:${index}`
      if (list.kind !== 'atomic') {
        try {
          element = elementOfItem(list, item)
        } catch (error) {
          return void report(`element ${index}: ${(error as Error).message}`)
        }
        if (seen.has(element)) report(`duplicate entries for key ${printPath([element])}`)
        seen.add(element)
      }
      path.push(element)
      visit(list.items, item)
      path.pop()
    }
  }
  visit(shape, object)
  return errors.length > 1 ? ['errors:', ...errors.map((error) => `  ${error}`)].join('\n') : errors[0]
}

/** What is wrong with a value where a scalar belongs. Upstream shows each kind in another of Go's ways. */
function scalarError(accepts: Extract<Shape, { is: 'scalar' }>['accepts'], value: unknown): string | undefined {
  switch (accepts) {
    case 'everything':
      return undefined
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${shown(value)}`
    case 'numeric':
      return typeof value === 'number' || typeof value === 'bigint'
        ? undefined
        : `expected numeric (int or float), got ${goTypeOf(value)}`
    case 'any':
      return typeof value !== 'object' ? undefined : `expected any scalar, got ${shown(value)}`
  }
}

/** As Go's %v shows a value of structured-merge-diff. */
const shown = (value: unknown): string => `&{${goFormat(value)}}`

/** As Go's %T shows the type of what encoding/json makes of a value. */
function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (isMap(value)) return 'map[string]interface {}'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : Number.isInteger(Number(value)) ? 'int64' : 'float64'
}

/** As Go's %#v shows what encoding/json makes of a value. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)'
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  if (isMap(value))
    return `map[string]interface {}{${Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`)
      .join(', ')}}`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
