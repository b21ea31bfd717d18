import type { ScalarName } from '../api.ts'
import type { ProtoReader } from './reader.ts'
import type { ProtoWriter } from './writer.ts'

/** The unions of a CRD's schema: a nested schema, or a boolean, a list of schemas, a list of names. */
export type SchemaUnion = Extract<ScalarName, `schema-or-${string}`>

export const isSchemaUnion = (scalar: ScalarName): scalar is SchemaUnion => scalar.startsWith('schema-or-')

/** Writes the content of a union's message. `schema` writes a nested schema under a number. */
export function writeSchemaUnion(
  union: SchemaUnion,
  value: unknown,
  writer: ProtoWriter,
  schema: (number: number, value: unknown) => void,
): void {
  if (union === 'schema-or-boolean') {
    if (typeof value === 'object') schema(2, value)
    writer.varint(value === false ? 0 : 1)
    return writer.tag(1, 0)
  }
  if (!Array.isArray(value)) return schema(1, value)
  for (const item of [...(value as unknown[])].reverse()) {
    if (union === 'schema-or-list') schema(2, item)
    else {
      writer.string(item as string)
      writer.tag(2, 2)
    }
  }
}

export function readSchemaUnion(
  union: SchemaUnion,
  reader: ProtoReader,
  schema: (reader: ProtoReader) => unknown,
): unknown {
  const [schemaNumber, otherNumber] = union === 'schema-or-boolean' ? [2, 1] : [1, 2]
  const list: unknown[] = []
  let allows = false
  let nested: unknown
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === schemaNumber) nested = schema(reader.message())
    else if (number !== otherNumber) reader.skip(wire)
    else if (union === 'schema-or-boolean') allows = reader.varint() !== 0
    else list.push(union === 'schema-or-list' ? schema(reader.message()) : reader.string())
  }
  return nested ?? (union === 'schema-or-boolean' ? allows : list)
}
