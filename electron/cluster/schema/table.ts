import type { FieldDef, FieldType, ScalarName, TypeDef } from './api.ts'
import text from './data/types.tsv?raw'

/**
 * Reads `data/types.tsv`: a line without a tab names a type (and its map type), the lines under it are its fields:
 * name, type, protobuf path, flags (r required, ! always written, * pointer, 0 no pointer but omitted when zero, ~ wrapped,
 * x behind a shut gate), default, enum,
 * list type or keys or {map type}, patch strategy:key, Go type, inlined Go structs. A type is parsed when it is first asked for.
 */
const packages: Record<string, string> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta.',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.',
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.',
  version: 'io.k8s.apimachinery.pkg.version.',
  metrics: 'io.k8s.metrics.pkg.apis.metrics.',
  runtime: 'io.k8s.apimachinery.pkg.runtime.',
  trace: 'dev.wheelhouse.trace.',
}

/** `core.v1.Pod` → `io.k8s.api.core.v1.Pod`. */
function fullName(short: string): string {
  const dot = short.indexOf('.')
  const group = short.slice(0, dot)
  const prefix = packages[group]
  return prefix ? prefix + short.slice(dot + 1) : `io.k8s.api.${short}`
}

const scalars: Record<string, ScalarName> = {
  string: 'string',
  bool: 'boolean',
  int32: 'int32',
  int64: 'int64',
  double: 'double',
  bytes: 'bytes',
  quantity: 'quantity',
  intstr: 'int-or-string',
  time: 'time',
  microtime: 'micro-time',
  duration: 'duration',
  raw: 'raw',
  fields: 'fields',
  json: 'json',
  'schema-or-bool': 'schema-or-boolean',
  'schema-or-list': 'schema-or-list',
  'schema-or-strings': 'schema-or-strings',
}
const scalarTypes = new Map(Object.entries(scalars).map(([name, scalar]) => [name, { is: 'scalar', scalar } as const]))

class TableType implements TypeDef {
  readonly name: string
  readonly mapType?: 'atomic' | 'granular'
  readonly #short: string
  readonly #body: string
  #fields: Map<string, FieldDef> | undefined

  constructor(short: string, mapType: string, body: string) {
    this.#short = short
    this.name = fullName(short)
    if (mapType) this.mapType = mapType as 'atomic' | 'granular'
    this.#body = body
  }

  get fields(): ReadonlyMap<string, FieldDef> {
    return (this.#fields ??= this.#parse())
  }

  #parse(): Map<string, FieldDef> {
    const home = this.#short.slice(0, this.#short.lastIndexOf('.') + 1)
    const fields = new Map<string, FieldDef>()
    for (const line of this.#body.split('\n')) {
      if (!line) continue
      const field = parseField(line.slice(1).split('\t'), home)
      fields.set(field.name, field)
    }
    return fields
  }
}

function parseField(columns: string[], home: string): FieldDef {
  const [
    name = '',
    type = '',
    path = '',
    flags = '',
    byDefault = '',
    allowed = '',
    list = '',
    patch = '',
    goType = '',
    embedded = '',
  ] = columns
  const field: Writable<FieldDef> = {
    name,
    type: parseType(type, home),
    required: flags.includes('r'),
    always: flags.includes('!'),
    pointer: flags.includes('*'),
    omitZero: flags.includes('0'),
    wrapped: flags.includes('~'),
    shut: flags.includes('x'),
  }
  if (path) field.number = path.split('.').map(Number)
  if (byDefault) field.default = parseDefault(byDefault)
  if (allowed) field.enum = allowed.split(',')
  if (list.startsWith('{')) field.mapType = list.slice(1, -1) as 'atomic' | 'granular'
  else if (list === 'atomic' || list === 'set') field.listType = list
  else if (list) {
    field.listType = 'map'
    field.listKeys = list.split(',')
  }
  if (patch) {
    const [strategy = '', key] = patch.split(':')
    if (strategy) field.patchStrategy = strategy.split(',') as ('merge' | 'replace' | 'retainKeys')[]
    if (key) field.patchKey = key
  }
  if (goType) field.goType = goType
  if (embedded) field.embedded = embedded
  return field
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** One default of the table is written without quotes. */
function parseDefault(written: string): unknown {
  return /^["{\d[]|^(true|false)$/.test(written) ? JSON.parse(written) : written
}

function parseType(written: string, home: string): FieldType {
  if (written.startsWith('[]')) return { is: 'list', items: parseType(written.slice(2), home) }
  if (written.startsWith('map:')) return { is: 'map', values: parseType(written.slice(4), home) }
  const scalar = scalarTypes.get(written)
  if (scalar) return scalar
  const name = fullName(written.includes('.') ? written : home + written)
  return { is: 'object', type: typeNamed(name) }
}

const types = new Map<string, TableType>()

function readTable(): void {
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf('\n', at)
    const head = text.slice(at, lineEnd)
    const tab = head.indexOf('\t')
    let end = lineEnd + 1
    while (text.charCodeAt(end) === 9) end = text.indexOf('\n', end) + 1
    const type = new TableType(
      tab < 0 ? head : head.slice(0, tab),
      tab < 0 ? '' : head.slice(tab + 1),
      text.slice(lineEnd + 1, end),
    )
    types.set(type.name, type)
    at = end
  }
}
readTable()

/** The type of that OpenAPI name, if the table has it. */
export const findType = (name: string): TypeDef | undefined => types.get(name)

/** The type of that OpenAPI name. Throws when the table lacks it: names come from code, not from requests. */
export function typeNamed(name: string): TypeDef {
  const type = types.get(name)
  if (!type) throw new Error(`the schema table has no type ${name}`)
  return type
}

/** Names of all types, in the table's order. */
export const typeNames = (): IterableIterator<string> => types.keys()

/** Well-known types that more than one part asks for. */
export const metaTypes = {
  objectMeta: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
  listMeta: 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta',
  status: 'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  deleteOptions: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  partialObjectMetadata: 'io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata',
  jsonSchemaProps: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps',
} as const
