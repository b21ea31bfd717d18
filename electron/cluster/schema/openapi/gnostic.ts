import { ProtoWriter } from '../wire/writer.ts'
import type { JsonSchema } from './api.ts'

/**
 * A Swagger 2.0 document as gnostic's openapi.v2.Document in protobuf, which kubectl up to 1.28 asks for.
 * Source of the numbers: github.com/google/gnostic openapiv2/OpenAPIv2.proto. Only what our documents use is written.
 */
type Shape = 'string' | 'bool' | 'int' | 'double' | 'strings' | 'any' | 'anys' | Message | { list: Message }
interface Message {
  /** JSON name → number and shape; evaluated late because schemas nest. */
  readonly fields: () => Record<string, [number, Shape]>
  /** Where `x-…` members go, as NamedAny. */
  readonly extensions?: number
  /** For members whose names are data (paths, definitions): the number of the repeated NamedX, and X. */
  readonly members?: () => [number, Message]
  /** The message that stands for the value instead of it (oneof wrappers). */
  readonly wrap?: (value: unknown, writer: ProtoWriter) => void
}

const message = (fields: () => Record<string, [number, Shape]>, extensions?: number): Message =>
  extensions ? { fields, extensions } : { fields }
const none = () => ({})
const membersOf = (number: number, of: () => Message): Message => ({ fields: none, members: () => [number, of()] })

const schema: Message = message(
  () => ({
    $ref: [1, 'string'],
    format: [2, 'string'],
    title: [3, 'string'],
    description: [4, 'string'],
    default: [5, 'any'],
    multipleOf: [6, 'double'],
    maximum: [7, 'double'],
    exclusiveMaximum: [8, 'bool'],
    minimum: [9, 'double'],
    exclusiveMinimum: [10, 'bool'],
    maxLength: [11, 'int'],
    minLength: [12, 'int'],
    pattern: [13, 'string'],
    maxItems: [14, 'int'],
    minItems: [15, 'int'],
    uniqueItems: [16, 'bool'],
    maxProperties: [17, 'int'],
    minProperties: [18, 'int'],
    required: [19, 'strings'],
    enum: [20, 'anys'],
    additionalProperties: [21, additionalProperties],
    type: [22, typeItem],
    items: [23, itemsItem],
    allOf: [24, { list: schema }],
    properties: [25, properties],
    example: [30, 'any'],
  }),
  31,
)
const properties = membersOf(1, () => schema)
const additionalProperties: Message = {
  fields: none,
  wrap(value, writer) {
    if (typeof value === 'boolean') {
      writer.varint(value ? 1 : 0)
      writer.tag(2, 0)
    } else nest(1, schema, value, writer)
  },
}
const typeItem: Message = {
  fields: none,
  wrap: (value, writer) => writeStrings(1, Array.isArray(value) ? (value as string[]) : [value as string], writer),
}
const itemsItem: Message = { fields: none, wrap: (value, writer) => nest(1, schema, value, writer) }
const schemaItem: Message = { fields: none, wrap: (value, writer) => nest(1, schema, value, writer) }

const bodyParameter = message(
  () => ({
    description: [1, 'string'],
    name: [2, 'string'],
    in: [3, 'string'],
    required: [4, 'bool'],
    schema: [5, schema],
  }),
  6,
)
const queryParameter = message(
  () => ({
    required: [1, 'bool'],
    in: [2, 'string'],
    description: [3, 'string'],
    name: [4, 'string'],
    type: [6, 'string'],
    format: [7, 'string'],
    uniqueItems: [20, 'bool'],
  }),
  23,
)
const pathParameter = message(
  () => ({
    required: [1, 'bool'],
    in: [2, 'string'],
    description: [3, 'string'],
    name: [4, 'string'],
    type: [5, 'string'],
    format: [6, 'string'],
    uniqueItems: [19, 'bool'],
  }),
  22,
)
const parametersItem: Message = {
  fields: none,
  wrap(value, writer) {
    const place = (value as JsonSchema)['in']
    const parameter = writer.length
    if (place === 'body') nest(1, bodyParameter, value, writer)
    else {
      const nonBody = writer.length
      nest(place === 'query' ? 3 : 4, place === 'query' ? queryParameter : pathParameter, value, writer)
      writer.close(2, nonBody)
    }
    writer.close(1, parameter)
  },
}
const response = message(() => ({ description: [1, 'string'], schema: [2, schemaItem] }), 5)
const responseValue: Message = { fields: none, wrap: (value, writer) => nest(1, response, value, writer) }
const operation = message(
  () => ({
    tags: [1, 'strings'],
    summary: [2, 'string'],
    description: [3, 'string'],
    operationId: [5, 'string'],
    produces: [6, 'strings'],
    consumes: [7, 'strings'],
    parameters: [8, { list: parametersItem }],
    responses: [9, membersOf(1, () => responseValue)],
    schemes: [10, 'strings'],
  }),
  13,
)
const pathItem = message(
  () => ({
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    patch: [8, operation],
    parameters: [9, { list: parametersItem }],
  }),
  10,
)
const info = message(() => ({ title: [1, 'string'], version: [2, 'string'], description: [3, 'string'] }))
const apiKey = message(() => ({
  type: [1, 'string'],
  name: [2, 'string'],
  in: [3, 'string'],
  description: [4, 'string'],
}))
/** SecurityDefinitionsItem: the second of its alternatives is ApiKeySecurity. */
const securityItem: Message = { fields: none, wrap: (value, writer) => nest(2, apiKey, value, writer) }
const document = message(() => ({
  swagger: [1, 'string'],
  info: [2, info],
  paths: [8, membersOf(2, () => pathItem)],
  definitions: [9, membersOf(1, () => schema)],
  securityDefinitions: [13, membersOf(1, () => securityItem)],
}))

export function encodeGnostic(swagger: JsonSchema): Buffer {
  const writer = new ProtoWriter()
  write(document, swagger, writer)
  return writer.take()
}

function nest(number: number, of: Message, value: unknown, writer: ProtoWriter): void {
  const before = writer.length
  write(of, value, writer)
  writer.close(number, before)
}

/** The writer works backwards: extensions first, then fields from the highest number down. */
function write(of: Message, value: unknown, writer: ProtoWriter): void {
  if (of.wrap) return of.wrap(value, writer)
  const object = value as JsonSchema
  const members = of.members?.()
  if (members) {
    for (const [name, member] of Object.entries(object).reverse())
      named(members[0], name, () => nest(2, members[1], member, writer), writer)
    return
  }
  const fields = of.fields()
  if (of.extensions)
    for (const [name, extension] of Object.entries(object).reverse())
      if (name.startsWith('x-')) named(of.extensions, name, () => any(2, extension, writer), writer)
  const present = Object.entries(fields)
    .filter(([name]) => object[name] !== undefined)
    .sort(([, a], [, b]) => b[0] - a[0])
  for (const [name, [number, shape]] of present) writeField(number, shape, object[name], writer)
}

function writeField(number: number, shape: Shape, value: unknown, writer: ProtoWriter): void {
  switch (shape) {
    case 'string':
      writer.string(value as string)
      return writer.tag(number, 2)
    case 'bool':
      if (!value) return
      writer.varint(1)
      return writer.tag(number, 0)
    case 'int':
      writer.varint(value as number)
      return writer.tag(number, 0)
    case 'double':
      writer.double(value as number)
      return writer.tag(number, 1)
    case 'strings':
      return writeStrings(number, value as readonly string[], writer)
    case 'any':
      return any(number, value, writer)
    case 'anys':
      for (const item of [...(value as unknown[])].reverse()) any(number, item, writer)
      return
    default:
      if ('list' in shape)
        for (const item of [...(value as unknown[])].reverse()) nest(number, shape.list, item, writer)
      else nest(number, shape as Message, value, writer)
  }
}

function writeStrings(number: number, values: readonly string[], writer: ProtoWriter): void {
  for (const value of [...values].reverse()) {
    writer.string(value)
    writer.tag(number, 2)
  }
}

/** NamedX: name in 1, value in 2. */
function named(number: number, name: string, value: () => void, writer: ProtoWriter): void {
  const before = writer.length
  value()
  writer.string(name)
  writer.tag(1, 2)
  writer.close(number, before)
}

/** Any carries YAML, of which JSON is a part. */
function any(number: number, value: unknown, writer: ProtoWriter): void {
  const before = writer.length
  writer.string(`${JSON.stringify(value)}\n`)
  writer.tag(2, 2)
  writer.close(number, before)
}
