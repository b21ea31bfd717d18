import type { Schema } from '../../registry/apiextensions/types.ts'
import { own } from './paths.ts'

/** The schema of a property, or of the entries of a map. */
export function partOf(schema: Schema | undefined, name: string): Schema | undefined {
  const more = schema?.additionalProperties
  return own(schema?.properties, name) ?? (typeof more === 'object' ? more : undefined)
}

/** Whether something holds for a schema or anything below it. Most of a large schema is then never walked again. */
export function anywhere(holds: (schema: Schema) => boolean): (schema: Schema) => boolean {
  const known = new WeakMap<Schema, boolean>()
  const ask = (schema: Schema): boolean => {
    let answer = known.get(schema)
    if (answer === undefined) {
      const { properties, items, additionalProperties: more } = schema
      const below = [...Object.values(properties ?? {}), items, typeof more === 'object' ? more : undefined]
      answer = holds(schema) || below.some((part) => part !== undefined && ask(part))
      known.set(schema, answer)
    }
    return answer
  }
  return ask
}
