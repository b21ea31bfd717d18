import { describe, expect, it } from 'vitest'
import { seededRandom } from '../base/random.ts'
import type { FieldType, ScalarName, TypeDef } from './api.ts'
import { decodeValue } from './decode-json.ts'
import { decodeProtobuf, encodeMessage, encodeProtobuf, hasProtobuf, isProtobuf, openEnvelope } from './protobuf.ts'
import { metaTypes, typeNamed, typeNames } from './table.ts'

const random = seededRandom(42)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!

const samples: Record<ScalarName, readonly unknown[]> = {
  string: ['', 'a', 'ünïcode ✓', 'x'.repeat(300)],
  boolean: [true, false],
  int32: [0, 1, -1, 127, 128, 2147483647, -2147483648],
  int64: [0, 1, -1, 2 ** 31, 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  double: [0, 1.5, -2e10],
  bytes: ['', 'aGVsbG8=', Buffer.alloc(200, 7).toString('base64')],
  quantity: ['0', '100m', '1Gi', '1500m', '12e6'],
  'int-or-string': [0, 80, -1, 'http', '25%', ''],
  time: ['2026-01-02T03:04:05Z', '1999-12-31T23:59:59Z'],
  'micro-time': ['2026-01-02T03:04:05.678901Z', '2026-01-02T03:04:05.000000Z'],
  duration: ['1h0m0s', '1.5s'],
  raw: [{ a: [1, null, 'x'] }, { kind: 'X' }],
  fields: [{ 'f:a': {} }],
  json: [1, 'x', { a: 1 }, false],
  'schema-or-boolean': [true, false, { type: 'string' }],
  'schema-or-list': [[], { type: 'object', nullable: true }, [{ maximum: 1.5 }, {}]],
  'schema-or-strings': [[], ['a', 'b'], { required: ['a'] }],
}

function sample(type: FieldType, depth: number): unknown {
  switch (type.is) {
    case 'scalar':
      return pick(samples[type.scalar])
    case 'object':
      // Schemas hold schemas in a dozen fields.
      return sampleObject(type.type, type.type.name === metaTypes.jsonSchemaProps ? depth - 2 : depth - 1)
    case 'list':
      return Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => sample(type.items, depth))
    case 'map':
      return Object.fromEntries(
        Array.from({ length: 1 + Math.floor(random.next() * 3) }, (_, i) => [`key-${i}`, sample(type.values, depth)]),
      )
  }
}

function sampleObject(type: TypeDef, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const field of type.fields.values())
    if (field.name !== 'kind' && field.name !== 'apiVersion' && depth > 0 && random.next() < 0.6)
      object[field.name] = sample(field.type, depth)
  return object
}

describe('protobuf', () => {
  it('carries any object of any type there and back', () => {
    let types = 0
    for (const name of typeNames()) {
      const type = typeNamed(name)
      if (!hasProtobuf(type) || name.includes('.runtime.')) continue
      types++
      for (let round = 0; round < 4; round++) {
        const { object } = decodeValue(type, sampleObject(type, 5))
        const meta = { apiVersion: 'g/v1', kind: 'K' }
        const envelope = openEnvelope(encodeProtobuf(type, object, meta))
        expect(envelope).toMatchObject(meta)
        const back = decodeProtobuf(type, envelope).object
        if (type.fields.has('kind') && !type.fields.get('kind')!.number) Object.assign(object, meta)
        expect([name, back]).toEqual([name, object])
      }
    }
    expect(types).toBeGreaterThan(500)
  })

  it('reads nothing that is behind a feature gate that is shut', () => {
    const lease = typeNamed('io.k8s.api.coordination.v1.Lease')
    const meta = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
    const sent = { metadata: {}, spec: { holderIdentity: 'me', strategy: 'OldestEmulationVersion' } }
    const { object } = decodeProtobuf(lease, openEnvelope(encodeProtobuf(lease, sent, meta)))
    expect(object['spec']).toEqual({ holderIdentity: 'me' })
  })

  it('reads the bytes that kubectl writes for a config map', () => {
    // k8s\0, Unknown{ TypeMeta{ v1, ConfigMap }, raw: ConfigMap{ metadata{ name: a, …empty value types }, data{ k: v } } }
    const metadata = Buffer.from([0x0a, 1, 0x61, 0x12, 0, 0x1a, 0, 0x22, 0, 0x2a, 0, 0x32, 0, 0x38, 0, 0x42, 0])
    const raw = Buffer.concat([
      Buffer.from([0x0a, metadata.length]),
      metadata,
      Buffer.from([0x12, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76]),
    ])
    const meta = Buffer.concat([
      Buffer.from([0x0a, 2]),
      Buffer.from('v1'),
      Buffer.from([0x12, 9]),
      Buffer.from('ConfigMap'),
    ])
    const body = Buffer.concat([
      Buffer.from('k8s\0'),
      Buffer.from([0x0a, meta.length]),
      meta,
      Buffer.from([0x12, raw.length]),
      raw,
      Buffer.from([0x1a, 0, 0x22, 0]),
    ])
    expect(isProtobuf(body)).toBe(true)
    const envelope = openEnvelope(body)
    expect(envelope).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', contentType: '' })
    expect(decodeProtobuf(typeNamed('io.k8s.api.core.v1.ConfigMap'), envelope).object).toEqual({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'a' },
      data: { k: 'v' },
    })
  })

  it('writes what is neither pointer nor list even when it is zero, in the order of the numbers', () => {
    const bytes = encodeProtobuf(
      typeNamed('io.k8s.api.core.v1.ServicePort'),
      { port: 80 },
      { apiVersion: '', kind: '' },
    )
    const { raw } = openEnvelope(bytes)
    // name, protocol, port, targetPort{ type, intVal, strVal }, nodePort
    expect([...raw]).toEqual([0x0a, 0, 0x12, 0, 0x18, 80, 0x22, 6, 8, 0, 16, 0, 26, 0, 0x28, 0])
  })

  it('writes the same map alike in whatever order it was made', () => {
    const type = typeNamed('io.k8s.api.core.v1.ConfigMap')
    const of = (data: object) => encodeMessage(type, { data })
    expect(of({ b: '1', a: '2', '10': '3' })).toEqual(of({ a: '2', '10': '3', b: '1' }))
  })

  it('writes a whole message after one that broke off', () => {
    const type = typeNamed('io.k8s.api.core.v1.ConfigMap')
    const whole = encodeMessage(type, { data: { k: 'v' } })
    const toString = () => {
      throw new TypeError('broken')
    }
    expect(() => encodeMessage(type, { metadata: { name: { toString } }, data: { k: 'v' } })).toThrow('broken')
    expect(encodeMessage(type, { data: { k: 'v' } })).toEqual(whole)
  })

  it('refuses what is cut short or no envelope', () => {
    const type = typeNamed('io.k8s.api.core.v1.ConfigMap')
    const whole = encodeProtobuf(
      type,
      { metadata: { name: 'abc' }, data: { k: 'v' } },
      { apiVersion: 'v1', kind: 'ConfigMap' },
    )
    expect(() => openEnvelope(whole.subarray(0, whole.length - 8))).toThrow('unexpected EOF')
    const { raw } = openEnvelope(whole)
    expect(() =>
      decodeProtobuf(type, { apiVersion: '', kind: '', contentType: '', raw: raw.subarray(0, raw.length - 1) }),
    ).toThrow('unexpected EOF')
    expect(() => openEnvelope(Buffer.from('{}'))).toThrow('expected prefix [107 56 115 0]')
  })

  it('survives random bytes with an error or an object, never anything else', () => {
    const type = typeNamed('io.k8s.api.core.v1.Pod')
    const outcomes = new Set<string>()
    for (let i = 0; i < 2000; i++) {
      const raw = Buffer.from(
        Array.from({ length: Math.floor(random.next() * 40) }, () => Math.floor(random.next() * 256)),
      )
      outcomes.add(outcome(() => decodeProtobuf(type, { apiVersion: 'v1', kind: 'Pod', contentType: '', raw })))
    }
    expect([...outcomes].sort()).toEqual(['DecodeError', 'object'])
  })
})

function outcome(run: () => { object: object }): string {
  try {
    return typeof run().object
  } catch (error) {
    return (error as Error).name
  }
}
