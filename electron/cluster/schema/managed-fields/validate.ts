import { goFormat } from '../patch/values.ts'
import { printPath } from './path-element.ts'
import type { Shape } from './shape.ts'
import { elementOfField, elementOfItem, isMap, resolve, type JsonObject } from './view.ts'

/**
 * What keeps an applied configuration from being typed, worded as structured-merge-diff words it: `.spec.bogus: field
 * not declared in schema`. Undefined when nothing does.
 */
export function typingErrors(object: JsonObject, shape: Shape): string | undefined {
  const errors: string[] = []
  const path: string[] = []
  const report = (message: string) => errors.push(path.length ? `${printPath(path)}: ${message}` : message)
  const step = (element: string, at: Shape, value: unknown) => {
    path.push(element)
    visit(at, value)
    path.pop()
  }
  const visit = (at: Shape, value: unknown): void => {
    if (value === null) return
    const kind = resolve(at, value)
    if (kind.is === 'scalar') return checkScalar(kind.accepts, value, report)
    if (kind.is === 'map') {
      if (!isMap(value)) return void report(`expected map, got &{${goFormat(value)}}`)
      for (const [key, item] of Object.entries(value)) {
        const under = kind.field(key) ?? kind.values
        if (under) step(elementOfField(key), under, item)
        else {
          path.push(elementOfField(key))
          report('field not declared in schema')
          path.pop()
        }
      }
      return
    }
    if (!Array.isArray(value)) return void report(`expected list, got &{${goFormat(value)}}`)
    const seen = new Set<string>()
    for (const [index, item] of value.entries()) {
      if (kind.kind === 'atomic') step(`i:${index}`, kind.items, item)
      else {
        try {
          const element = elementOfItem(kind, item)
          if (seen.has(element)) report(`duplicate entries for key ${printPath([element])}`)
          seen.add(element)
          step(element, kind.items, item)
        } catch (error) {
          report(`element ${index}: ${(error as Error).message}`)
        }
      }
    }
  }
  visit(shape, object)
  return errors.length > 1 ? ['errors:', ...errors.map((error) => `  ${error}`)].join('\n') : errors[0]
}

const expected = { string: 'string', numeric: 'numeric (int or float)', boolean: 'boolean', any: 'scalar' }
const jsonTypes = { string: 'string', numeric: 'number', boolean: 'boolean' }

function checkScalar(
  accepts: Extract<Shape, { is: 'scalar' }>['accepts'],
  value: unknown,
  report: (message: string) => void,
): void {
  if (accepts === 'everything') return
  if (accepts === 'any' ? typeof value !== 'object' : typeof value === jsonTypes[accepts]) return
  report(
    `expected ${expected[accepts]}, got &value.valueUnstructured{Value:${typeof value === 'string' ? JSON.stringify(value) : goFormat(value)}}`,
  )
}
