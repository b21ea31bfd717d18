import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import type { Crd, Schema, Spec } from './types.ts'
import { validate, validateUpdate } from './validation.ts'

const names = { plural: 'boats', singular: 'boat', kind: 'Boat', listKind: 'BoatList' }
const crd = (openAPIV3Schema: Schema, spec: Spec = {}, more: object = {}): Crd => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'boats.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names,
    conversion: { strategy: 'None' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...more }],
    ...spec,
  },
  status: { storedVersions: ['v1'] },
})
const root = 'spec.validation.openAPIV3Schema'
const inSpec = (x: Schema): Schema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties: { x } } },
})
const shown = (definition: Crd) =>
  validate(definition).map(
    ({ field, message }) => `${field.replace(`${root}.properties[spec].properties[x]`, 'x')}: ${message}`,
  )

it('has nothing against a schema with everything in it', () => {
  const x: Schema = {
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'string', default: 'a', enum: ['a', 'b'] },
      b: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      c: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    },
    oneOf: [{ required: ['a'], properties: { a: { minLength: 1 } } }, { required: ['b'] }],
    'x-kubernetes-validations': [{ rule: 'self.a != "c"', message: 'no c' }],
  }
  expect(shown(crd(inSpec(x)))).toEqual([])
})

it.each<[string, Schema, string[]]>([
  ['a type', {}, ['x.type: Required value: must not be empty for specified object fields']],
  ['items', { type: 'array' }, ['x.items: Required value: must be specified']],
  [
    'a type beside int-or-string',
    { type: 'integer', 'x-kubernetes-int-or-string': true },
    ['x.type: Invalid value: "integer": must be empty if x-kubernetes-int-or-string is true'],
  ],
  [
    'types in combinations',
    { type: 'string', allOf: [{ type: 'string', description: 'd' }] },
    [
      'x.allOf[0].description: Forbidden: must be empty to be structural',
      'x.allOf[0].type: Forbidden: must be empty to be structural',
    ],
  ],
  [
    'an embedded resource that is no object',
    { type: 'string', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    ['x.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true'],
  ],
  [
    'a pattern',
    { type: 'string', pattern: '(' },
    [
      'x.pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
    ],
  ],
  [
    'keys that may be missing',
    {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', properties: { k: { type: 'string' } } },
    },
    [
      'x.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
  ],
  [
    'a default of another type',
    { type: 'integer', default: 'x' },
    ['x.default: Invalid value: "string":  in body must be of type integer: "string"'],
  ],
  [
    'a default that would be pruned',
    { type: 'object', properties: {}, default: { a: 1 } },
    ['x.default: Invalid value: {"a":1}: must not have unknown fields'],
  ],
  [
    'unique items',
    { type: 'array', items: { type: 'string' }, uniqueItems: true },
    ['x.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic'],
  ],
])('objects to %s', (_, x, wanted) => {
  expect(shown(crd(inSpec(x)))).toEqual(wanted)
})

it('objects to fields that only a combination knows', () => {
  const anyOf: Schema[] = [{ properties: { a: { minLength: 1 } } }]
  expect(shown(crd({ ...inSpec({ type: 'string' }), anyOf }))).toEqual([
    `${root}.properties[a]: Required value: because it is defined in ${root}.anyOf[0].properties[a]`,
  ])
})

describe('rules', () => {
  const withRule = (rule: object, x: Schema = { type: 'string' }) =>
    shown(crd(inSpec({ ...x, 'x-kubernetes-validations': [rule] })))

  it('must compile to a truth value', () => {
    expect(withRule({ rule: 'self.size()' })[0]).toMatch(
      /rule: Invalid value: .*cel expression must evaluate to a bool$/,
    )
    expect(withRule({ rule: 'self.nope' })[0]).toContain('compilation failed: ERROR: <input>:1:')
  })

  it('may not speak of the old state where it cannot be found again', () => {
    const x: Schema = {
      type: 'array',
      maxItems: 3,
      items: { type: 'string', maxLength: 3, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
    }
    expect(shown(crd(inSpec(x)))[0]).toContain(
      'oldSelf cannot be used on the uncorrelatable portion of the schema within',
    )
  })

  it('may not cost too much', () => {
    const x: Schema = { type: 'array', items: { type: 'string' } }
    expect(withRule({ rule: 'self.all(a, self.all(b, a == b))' }, x)[0]).toMatch(
      /rule: Forbidden: estimated rule cost exceeds budget by factor of/,
    )
  })

  it('must name a field that there is', () => {
    expect(withRule({ rule: 'true', fieldPath: '.gone' })).toEqual([
      'x.x-kubernetes-validations[0].fieldPath: Invalid value: ".gone": fieldPath must be a valid path',
    ])
  })
})

it('checks what is selectable', () => {
  const selectableFields = ['.spec.x', '.spec.x', '.metadata.name', '.spec.gone', '.spec'].map((jsonPath) => ({
    jsonPath,
  }))
  const schema = inSpec({ type: 'string' })
  const messages = validate(
    crd(
      {
        ...schema,
        properties: { ...schema.properties, metadata: { type: 'object', properties: { name: { type: 'string' } } } },
      },
      {},
      { selectableFields },
    ),
  ).map(({ field, message }) => `${field} ${message.split(': ')[0]}`)
  expect(messages).toEqual([
    'spec.selectableFields[1].jsonPath Duplicate value',
    'spec.selectableFields[2].jsonPath Invalid value',
    'spec.selectableFields[3].jsonPath Invalid value',
    'spec.selectableFields[4].jsonPath Invalid value',
  ])
})

it('keeps versions in which objects may still be stored', () => {
  const old = crd(inSpec({ type: 'string' }))
  const next: Crd = { ...crd(inSpec({ type: 'string' }), {}, { name: 'v2' }), status: { storedVersions: ['v1', 'v2'] } }
  expect(validateUpdate(next, old)).toMatchObject([{ field: 'status.storedVersions[0]' }])
})

it('asks groups of the project for their approval', () => {
  const definition = crd(inSpec({ type: 'string' }), { group: 'boats.k8s.io' })
  expect(validate({ ...definition, metadata: { name: 'boats.boats.k8s.io' } })).toMatchObject([
    { type: 'FieldValueRequired', field: 'metadata.annotations[api-approved.kubernetes.io]' },
  ])
})

it('replaces no good authorities of a conversion webhook by bad ones', () => {
  const asking = (pem: string): Crd => {
    const clientConfig = { url: 'https://x.io', caBundle: Buffer.from(pem).toString('base64') }
    return crd(
      { type: 'object' },
      { conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } } },
    )
  }
  const [good, other] = rootCertificates.map(asking) as [Crd, Crd]
  const path = 'spec.conversion.webhookClientConfig.caBundle'
  expect(validateUpdate(asking('none'), good)).toMatchObject([
    {
      field: path,
      message: 'Invalid value: "bm9uZQ==": unable to load root certificates: unable to parse bytes as PEM block',
    },
  ])
  for (const [crd, old] of [
    [other, good],
    [asking('none'), asking('\n')],
    [asking(''), good],
  ] as const)
    expect(validateUpdate(crd, old)).toEqual([])
  expect(validate(asking('none'))).toEqual([])
})
