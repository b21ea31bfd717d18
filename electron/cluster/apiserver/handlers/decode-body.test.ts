import { expect, it } from 'vitest'
import { decodeValue } from '../../schema/decode-json.ts'
import { encodeProtobuf } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { smallCore } from '../testing/small-core.ts'
import { decodeBody } from './decode-body.ts'

const type = 'io.k8s.api.core.v1.ConfigMap'
const decode = (
  body: string | Buffer,
  contentType = 'application/json',
  validation: 'Strict' | 'Warn' | 'Ignore' = 'Warn',
) => {
  const warnings: string[] = []
  const small = smallCore()
  const object = decodeBody({
    body: Buffer.from(body),
    contentType,
    expected: {
      group: '',
      version: 'v1',
      kind: 'ConfigMap',
      type,
      decode: (value, text) => decodeValue(typeNamed(type), value, text),
    },
    validation,
    kinds: small.core.kinds,
    warn: (text) => warnings.push(text),
  })
  return { object, warnings }
}

it('reads JSON, YAML and protobuf to the same object', () => {
  const wanted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { k: 'v' } }
  expect(decode('{"metadata":{"name":"x"},"data":{"k":"v"}}').object).toEqual(wanted)
  expect(decode('metadata: {name: x}\ndata:\n  k: v\n', 'application/yaml').object).toEqual(wanted)
  const bytes = encodeProtobuf(
    typeNamed(type),
    { metadata: { name: 'x' }, data: { k: 'v' } },
    { apiVersion: 'v1', kind: 'ConfigMap' },
  )
  expect(decode(bytes, 'application/vnd.kubernetes.protobuf').object).toEqual(wanted)
})

it.each([
  [
    '{"a":',
    `the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({"a":)`,
  ],
  [
    '',
    `the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
  ],
  [
    '{"kind":"Secret","apiVersion":"v1"}',
    'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  ],
  [
    '{"kind":"ConfigMap","apiVersion":"v7"}',
    'ConfigMap in version "v7" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v7" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    '{"data":{"k":1}}',
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
  ],
])('refuses %s in the words of the real server', (body, message) => {
  expect(() => decode(body)).toThrow(message)
})

it('names unknown and repeated fields', () => {
  const body = '{"metadata":{"name":"x","name":"y"},"bogus":1}'
  expect(decode(body).warnings).toEqual(['duplicate field "metadata.name"', 'unknown field "bogus"'])
  expect(() => decode(body, 'application/json', 'Strict')).toThrow(
    'strict decoding error: duplicate field "metadata.name", unknown field "bogus"',
  )
  expect(decode(body, 'application/json', 'Ignore').warnings).toEqual([])
})

it('refuses what is none of the three', () => {
  expect(() => decode('x', 'text/plain')).toThrow(
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  )
})

it('tells of keys that stand twice in YAML by their line', () => {
  const twice = 'metadata: {name: x, what: 1}\ndata:\n  k: a\n  k: b\n'
  expect(decode(twice, 'application/yaml')).toMatchObject({
    object: { data: { k: 'b' } },
    warnings: ['line 4: key "k" already set in map', 'unknown field "metadata.what"'],
  })
  expect(() => decode(twice, 'application/yaml', 'Strict')).toThrow(
    'strict decoding error: yaml: unmarshal errors:\n  line 4: key "k" already set in map, unknown field "metadata.what"',
  )
})
