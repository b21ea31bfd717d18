import { describe, expect, it } from 'vitest'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { decodeCustom } from './decode.ts'
import { fillDefaults } from './defaults.ts'
import { listTypeErrors } from './list-types.ts'
import { embeddedErrors } from './metadata.ts'

const spec = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties } },
})
const decode = (schema: Schema, value: object) => decodeCustom(schema, value, JSON.stringify(value))

describe('pruning', () => {
  it('drops what is not specified and names it, in lists and maps too', () => {
    const item: Schema = { type: 'object', properties: { n: { type: 'integer' } } }
    const schema = spec({ list: { type: 'array', items: item }, map: { type: 'object', additionalProperties: item } })
    const { object, strict } = decode(schema, {
      kind: 'A',
      spec: { list: [{ n: 1, x: 2 }], map: { k: { y: 1, n: 2 } } },
      other: 1,
    })
    expect(object).toEqual({ kind: 'A', spec: { list: [{ n: 1 }], map: { k: { n: 2 } } } })
    expect(strict).toEqual(['unknown field "other"', 'unknown field "spec.list[0].x"', 'unknown field "spec.map.k.y"'])
  })

  it('keeps everything below preserve-unknown-fields but what a property in it does not know', () => {
    const known: Schema = { type: 'object', properties: { a: { type: 'string' } } }
    const schema = spec({
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known } },
    })
    const { object } = decode(schema, { spec: { free: { any: [{ deep: true }], known: { a: 'x', b: 'y' } } } })
    expect(object).toEqual({ spec: { free: { any: [{ deep: true }], known: { a: 'x' } } } })
  })

  it('changes nothing of what it is given', () => {
    const value = Object.freeze({ spec: Object.freeze({ gone: 1 }), metadata: Object.freeze({ name: 'x', odd: 1 }) })
    expect(decodeCustom(spec({}), value).object).toEqual({ spec: {}, metadata: { name: 'x' } })
  })

  it('takes __proto__ for a name like any other', () => {
    const value = JSON.parse('{"spec":{"__proto__":{"a":1},"constructor":1}}') as object
    const { object, strict } = decodeCustom(spec({}), value)
    expect(object).toEqual({ spec: {} })
    expect(strict).toEqual(['unknown field "spec.__proto__"', 'unknown field "spec.constructor"'])
  })

  it('names duplicate keys first', () => {
    const text = '{"spec":{"a":1,"a":2,"b":1}}'
    const { strict } = decodeCustom(spec({ a: { type: 'integer' } }), JSON.parse(text), text)
    expect(strict).toEqual(['duplicate field "spec.a"', 'unknown field "spec.b"'])
  })

  it('drops nulls that may not be, and keeps those that may', () => {
    const schema = spec({ no: { type: 'string' }, yes: { type: 'string', nullable: true } })
    expect(decode(schema, { spec: { no: null, yes: null } }).object).toEqual({ spec: { yes: null } })
  })
})

describe('defaults', () => {
  it('are filled in with the defaults of what they bring', () => {
    const inner: Schema = { type: 'object', default: {}, properties: { n: { type: 'integer', default: 3 } } }
    const object = { spec: {} }
    expect(fillDefaults(object, spec({ inner }))).toBe(true)
    expect(object).toEqual({ spec: { inner: { n: 3 } } })
    expect(fillDefaults(object, spec({ inner }))).toBe(false)
  })

  it('replace a null that may not be, and are copies', () => {
    const fallback = { a: 1 }
    const schema = spec({
      x: { type: 'object', default: fallback, additionalProperties: { type: 'integer' } },
      y: { type: 'string', nullable: true, default: 'no' },
    })
    const object: { spec: Record<string, unknown> } = { spec: { x: null, y: null } }
    fillDefaults(object, schema)
    expect(object).toEqual({ spec: { x: { a: 1 }, y: null } })
    expect(object.spec['x']).not.toBe(fallback)
  })

  it('reach the items of lists and the entries of maps', () => {
    const item: Schema = { type: 'object', properties: { p: { type: 'string', default: 'TCP' } } }
    const object = { spec: { list: [{}], map: { k: {} } } }
    fillDefaults(
      object,
      spec({ list: { type: 'array', items: item }, map: { type: 'object', additionalProperties: item } }),
    )
    expect(object).toEqual({ spec: { list: [{ p: 'TCP' }], map: { k: { p: 'TCP' } } } })
  })
})

describe('list types', () => {
  const keyed: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['a', 'b'],
    items: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } } },
  }
  const set: Schema = { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }

  it('say which item is there twice, once', () => {
    const value = { spec: { k: [{ a: 'x', b: 1 }, { a: 'x' }, { b: 1, a: 'x', c: 0 }], s: ['a', 'b', 'a', 'a'] } }
    expect(listTypeErrors(value, spec({ k: keyed, s: set }))).toEqual([
      { type: 'FieldValueDuplicate', field: 'spec.k[2]', message: 'Duplicate value: {"a":"x","b":1}' },
      { type: 'FieldValueDuplicate', field: 'spec.s[2]', message: 'Duplicate value: "a"' },
    ])
  })

  it('take items without the keys for equal', () => {
    expect(listTypeErrors({ spec: { k: [{}, {}] } }, spec({ k: keyed }))).toMatchObject([{ field: 'spec.k[1]' }])
  })
})

describe('embedded resources', () => {
  const schema = spec({
    pod: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  })

  it('have metadata like every object', () => {
    const { object, strict } = decode(schema, {
      spec: { pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', bogus: 1 }, spec: { any: 1 } } },
    })
    expect(object['spec']).toEqual({
      pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { any: 1 } },
    })
    expect(strict).toEqual(['unknown field "spec.pod.metadata.bogus"'])
    expect(() => decode(schema, { spec: { pod: { metadata: { labels: { a: 1 } } } } })).toThrow(
      'spec.pod.metadata: Invalid value: {"labels":{"a":1}}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
    )
  })

  it('must say what they are', () => {
    const value = { spec: { pod: { kind: 'No Kind', metadata: { labels: { '-': 'x' } } } } }
    expect(embeddedErrors(value, schema).map(({ type, field }) => [type, field])).toEqual([
      ['FieldValueRequired', 'spec.pod.apiVersion'],
      ['FieldValueInvalid', 'spec.pod.kind'],
      ['FieldValueInvalid', 'spec.pod.metadata.labels'],
    ])
  })
})
