import { describe, expect, it } from 'vitest'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { formatCheck } from './formats.ts'
import { schemaErrors } from './validate.ts'

const at = (schema: Schema): Schema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties: { x: schema } } },
})
const errors = (schema: Schema, x: unknown, old?: unknown) =>
  schemaErrors(at(schema), { spec: { x } }, '', ...(old === undefined ? [] : [{ spec: { x: old } }])).map(
    ({ field, message }) => `${field}: ${message}`,
  )

it.each<[string, Schema, unknown, string[]]>([
  [
    'a wrong type',
    { type: 'integer' },
    'many',
    ['spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"'],
  ],
  [
    'a fraction for an integer',
    { type: 'integer' },
    1.5,
    ['spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'],
  ],
  ['an integer for a number', { type: 'number' }, 1, []],
  ['null', { type: 'string' }, null, ['spec.x: Invalid value: "null": spec.x in body must be of type string: "null"']],
  ['null where it may be', { type: 'string', nullable: true }, null, []],
  [
    'int-or-string',
    { 'x-kubernetes-int-or-string': true },
    true,
    ['spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'],
  ],
  [
    'an unknown value',
    { type: 'string', enum: ['a', 'b'] },
    'c',
    ['spec.x: Unsupported value: "c": supported values: "a", "b"'],
  ],
  [
    'an unknown number',
    { type: 'integer', enum: [1, 2] },
    3,
    ['spec.x: Unsupported value: 3: supported values: "1", "2"'],
  ],
  [
    'a maximum',
    { type: 'integer', maximum: 100 },
    101,
    ['spec.x: Invalid value: 101: spec.x in body should be less than or equal to 100'],
  ],
  [
    'an exclusive minimum',
    { type: 'number', minimum: 0.5, exclusiveMinimum: true },
    0.5,
    ['spec.x: Invalid value: 0.5: spec.x in body should be greater than 0.5'],
  ],
  [
    'a factor',
    { type: 'number', multipleOf: 0.1 },
    0.35,
    ['spec.x: Invalid value: 0.35: spec.x in body should be a multiple of 0.1'],
  ],
  ['no factor that rounding hides', { type: 'number', multipleOf: 0.01 }, 0.07, []],
  ['length in characters', { type: 'string', maxLength: 2 }, 'äöü', ['spec.x: Too long: may not be more than 2 bytes']],
  [
    'a short text',
    { type: 'string', minLength: 2 },
    'a',
    ['spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long'],
  ],
  [
    'a pattern',
    { type: 'string', pattern: '^a+$' },
    'b',
    ['spec.x: Invalid value: "b": spec.x in body should match \'^a+$\''],
  ],
  [
    'many items',
    { type: 'array', items: { type: 'integer' }, maxItems: 1 },
    [1, 2],
    ['spec.x: Too many: 2: must have at most 1 item'],
  ],
  [
    'few items',
    { type: 'array', items: { type: 'integer' }, minItems: 1 },
    [],
    ['spec.x: Invalid value: 0: spec.x in body should have at least 1 items'],
  ],
  [
    'many properties',
    { type: 'object', maxProperties: 1 },
    { a: 1, b: 2 },
    ['spec.x: Too many: 2: must have at most 1 item'],
  ],
  ['a missing field', { type: 'object', required: ['a'] }, {}, ['spec.x.a: Required value']],
  [
    'items and entries',
    { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
    { k: ['a', 1] },
    ['spec.x.k[1]: Invalid value: "integer": spec.x.k[1] in body must be of type string: "integer"'],
  ],
  [
    'a format',
    { type: 'string', format: 'ipv4' },
    'a',
    ['spec.x: Invalid value: "a": spec.x in body must be of type ipv4: "a"'],
  ],
  ['a format that is not known', { type: 'string', format: 'quantity' }, 'a', []],
])('complains of %s as upstream does', (_, schema, value, wanted) => {
  expect(errors(schema, value)).toEqual(wanted)
})

describe('combinations', () => {
  const needs = (name: string): Schema => ({ required: [name] })

  it('show the errors of the alternative that fits best', () => {
    const anyOf: Schema[] = [{ properties: { a: { type: 'integer', minimum: 1 } }, required: ['b'] }, needs('c')]
    expect(errors({ type: 'object', anyOf }, { a: 5 })).toEqual([
      '<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
      'spec.x.b: Required value',
    ])
  })

  it('count the alternatives of oneOf', () => {
    const schema: Schema = { type: 'object', oneOf: [needs('a'), needs('b')] }
    expect(errors(schema, { a: 1 })).toEqual([])
    expect(errors(schema, { a: 1, b: 1 })).toEqual([
      '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ])
    expect(errors(schema, {})[0]).toContain('Found none valid')
  })

  it('know allOf and not', () => {
    expect(errors({ type: 'string', allOf: [{ minLength: 3 }, { maxLength: 9 }] }, 'a')).toEqual([
      'spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long',
      '<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)',
    ])
    expect(errors({ type: 'string', not: { enum: ['a'] } }, 'a')).toEqual([
      '<nil>: Invalid value: "": "spec.x" must not validate the schema (not)',
    ])
  })
})

describe('ratcheting', () => {
  it('lets be what did not change, and nothing else', () => {
    const schema: Schema = { type: 'string', maxLength: 1 }
    expect(errors(schema, 'long', 'long')).toEqual([])
    expect(errors(schema, 'longer', 'long')).toHaveLength(1)
  })

  it('finds items of keyed lists again, wherever they moved', () => {
    const item: Schema = { type: 'object', properties: { k: { type: 'string' }, n: { type: 'integer', maximum: 1 } } }
    const keyed: Schema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: item,
    }
    const old = [{ k: 'a', n: 5 }]
    expect(
      errors(
        keyed,
        [
          { k: 'b', n: 0 },
          { k: 'a', n: 5 },
        ],
        old,
      ),
    ).toEqual([])
    const atomic: Schema = { type: 'array', items: item }
    expect(
      errors(
        atomic,
        [
          { k: 'b', n: 0 },
          { k: 'a', n: 5 },
        ],
        old,
      ),
    ).toHaveLength(1)
  })
})

it.each<[string, string[], string[]]>([
  ['uri', ['https://a.b/c', '/path', 'urn:x:y'], ['a b', 'nothing', '']],
  ['email', ['a@b.c'], ['a', 'a@']],
  ['hostname', ['a.example.com'], ['-a', 'a..b']],
  ['ipv6', ['::1'], ['1.2.3.4', 'g::']],
  ['cidr', ['10.0.0.0/8', '::/0'], ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08']],
  ['mac', ['01:23:45:67:89:ab'], ['01:23:45:67:89']],
  ['uuid', ['7e57d004-2b97-0e7a-b45f-5387367791cd'], ['x']],
  ['byte', ['aGk='], ['a', 'aGk']],
  ['date', ['2024-02-29'], ['2023-02-29', '2024-1-1']],
  ['date-time', ['2024-02-29T10:00:00Z', '2024-02-29T10:00:00.5+02:00'], ['2024-02-29', '2024-02-30T10:00:00Z']],
  ['duration', ['1h30m', '-5s', '3 hours'], ['1', 'h']],
  ['isbn13', ['978-3-16-148410-0'], ['978-3-16-148410-1']],
  ['hexcolor', ['#fff', 'A0b1C2'], ['#ff']],
])('knows %s', (format, good, bad) => {
  const check = formatCheck(format)!
  expect([good.filter((text) => !check(text)), bad.filter(check)]).toEqual([[], []])
})
