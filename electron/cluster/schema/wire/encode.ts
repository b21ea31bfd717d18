import type { FieldDef, FieldType, TypeDef } from '../api.ts'
import { metaTypes, typeNamed } from '../table.ts'
import { isPlan, planOf, type Plan } from './plan.ts'
import { writeScalar } from './scalars.ts'
import { isSchemaUnion, writeSchemaUnion, type SchemaUnion } from './schema-unions.ts'
import type { ProtoWriter } from './writer.ts'

type JsonObject = Readonly<Record<string, unknown>>
/** Writes one field of the object, with its tag, or nothing. */
type Step = (object: JsonObject, writer: ProtoWriter) => void
/** Writes one value under its tag. */
type Write = (value: unknown, writer: ProtoWriter) => void

const nothing: JsonObject = {}
const stepsOf = new WeakMap<TypeDef, readonly Step[]>()

/**
 * Writes the content of a message byte for byte as the marshalers write it that upstream generates from its Go types:
 * fields by number; what is no pointer, list or map even when it is zero; map entries by key.
 */
export function writeMessage(type: TypeDef, object: JsonObject, writer: ProtoWriter): void {
  let steps = stepsOf.get(type)
  if (!steps) stepsOf.set(type, (steps = makeSteps(planOf(type))))
  for (const step of steps) step(object, writer)
}

/** From the last field to the first, because the writer works backwards. */
const makeSteps = (plan: Plan): readonly Step[] =>
  [...plan].reverse().map(([number, entry]) => (isPlan(entry) ? inlinedStep(entry, number) : fieldStep(entry, number)))

function inlinedStep(plan: Plan, number: number): Step {
  const steps = makeSteps(plan)
  return (object, writer) => {
    const before = writer.length
    for (const step of steps) step(object, writer)
    writer.close(number, before)
  }
}

function fieldStep(field: FieldDef, number: number): Step {
  const { name, type, wrapped } = field
  if (type.is === 'list') return listStep(name, wrapped ? undefined : valueWrite(type.items, number), number)
  if (type.is === 'map') return mapStep(name, wrapped ? wrappedWrite(2) : valueWrite(type.values, 2), number)
  const write = valueWrite(type, number)
  // No bytes are nil.
  const isPointer = field.pointer && !field.omitZero
  const zero = isPointer || (type.is === 'scalar' && type.scalar === 'bytes') ? undefined : zeroOf(type)
  return (object, writer) => {
    const value = object[name] ?? zero
    if (value !== undefined) write(value, writer)
  }
}

function listStep(name: string, item: Write | undefined, number: number): Step {
  const wrapped = item ? undefined : wrappedWrite(number)
  return (object, writer) => {
    const list = object[name] as readonly unknown[] | null | undefined
    if (!list) return
    if (wrapped) return wrapped(list, writer)
    for (let i = list.length - 1; i >= 0; i--) item!(list[i], writer)
  }
}

function mapStep(name: string, value: Write, number: number): Step {
  return (object, writer) => {
    const map = object[name] as JsonObject | null | undefined
    if (!map) return
    const keys = Object.keys(map).sort()
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i]!
      const before = writer.length
      value(map[key], writer)
      writer.string(key)
      writer.tag(1, 2)
      writer.close(number, before)
    }
  }
}

/** A list in a message of its own. */
const wrappedWrite =
  (number: number): Write =>
  (value, writer) => {
    const items = (value ?? []) as readonly string[]
    const before = writer.length
    for (let i = items.length - 1; i >= 0; i--) {
      writer.string(items[i]!)
      writer.tag(1, 2)
    }
    writer.close(number, before)
  }

function valueWrite(type: FieldType, number: number): Write {
  if (type.is === 'object') return messageWrite(type.type, number)
  if (type.is !== 'scalar') throw new Error('a list cannot lie directly in a list or map')
  const { scalar } = type
  if (isSchemaUnion(scalar)) return unionWrite(scalar, number)
  // Nothing in a list or map is what Go makes of it.
  const zero = scalar === 'bytes' ? '' : zeroOf(type)
  return (value, writer) => writeScalar(scalar, number, value ?? zero, writer)
}

const messageWrite =
  (type: TypeDef, number: number): Write =>
  (value, writer) => {
    const before = writer.length
    writeMessage(type, (value ?? nothing) as JsonObject, writer)
    writer.close(number, before)
  }

const unionWrite =
  (union: SchemaUnion, number: number): Write =>
  (value, writer) => {
    const before = writer.length
    const schema = typeNamed(metaTypes.jsonSchemaProps)
    writeSchemaUnion(union, value, writer, (at, nested) => messageWrite(schema, at)(nested, writer))
    writer.close(number, before)
  }

/** What stands for a field that was not set; null: the empty message. */
function zeroOf(type: FieldType): unknown {
  if (type.is !== 'scalar') return nothing
  switch (type.scalar) {
    case 'string':
      return ''
    case 'boolean':
      return false
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0
    case 'quantity':
      return '0'
    case 'duration':
      return '0s'
    default:
      return null
  }
}
