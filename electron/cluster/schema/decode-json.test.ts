import { describe, expect, it } from 'vitest'
import { convertValue, decodeJson, parseJson, strictMessage, summarizeBody, typeMetaOf } from './decode-json.ts'
import { typeNamed } from './table.ts'

const core = (kind: string) => typeNamed(`io.k8s.api.core.v1.${kind}`)
const decode = (kind: string, body: unknown) =>
  decodeJson(core(kind), Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
const deployment = (body: unknown) =>
  decodeJson(typeNamed('io.k8s.api.apps.v1.Deployment'), Buffer.from(JSON.stringify(body)))

describe('what comes out', () => {
  it('drops unknown fields and names them with their path', () => {
    const { object, strict } = decode('Pod', {
      bogus: 1,
      metadata: { name: 'a', x: 1 },
      spec: { containers: [{ name: 'c', y: 1 }] },
    })
    expect(strict).toEqual([
      'unknown field "bogus"',
      'unknown field "metadata.x"',
      'unknown field "spec.containers[0].y"',
    ])
    expect(strictMessage(strict.slice(0, 2))).toBe(
      'strict decoding error: unknown field "bogus", unknown field "metadata.x"',
    )
    expect(object).not.toHaveProperty('bogus')
    expect(object).toHaveProperty('spec.containers.0', { name: 'c', resources: {} })
  })

  it('drops what is behind feature gates that are shut, and knows the fields all the same', () => {
    const { object, strict } = decode('Pod', {
      spec: {
        schedulingGroup: { podGroupName: 'g' },
        containers: [{ name: 'c', lifecycle: { stopSignal: 'SIGUSR1', preStop: { sleep: { seconds: 1 } } } }],
        volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'x' } }] } }],
      },
    })
    expect(strict).toEqual([])
    expect(object['spec']).toMatchObject({
      containers: [{ lifecycle: { preStop: {} } }],
      volumes: [{ projected: { sources: [{}] } }],
    })
    expect(JSON.stringify(object)).not.toMatch(/stopSignal|clusterTrustBundle|schedulingGroup/)
  })

  it('tells names apart by case', () => {
    expect(decode('ConfigMap', { Data: { a: 'b' } }).strict).toEqual(['unknown field "Data"'])
  })

  it('keeps an explicit zero behind a pointer and drops it elsewhere', () => {
    const { object } = deployment({
      spec: {
        replicas: 0,
        paused: false,
        minReadySeconds: 0,
        selector: {},
        template: { spec: { hostname: '', volumes: [{ name: 'v', emptyDir: {} }] } },
      },
    })
    expect(object['spec']).toEqual({
      replicas: 0,
      selector: {},
      strategy: {},
      template: { metadata: {}, spec: { volumes: [{ name: 'v', emptyDir: {} }], containers: null } },
    })
  })

  it('writes what Go always writes', () => {
    expect(decode('Event', {}).object).toMatchObject({
      metadata: {},
      involvedObject: {},
      eventTime: null,
      firstTimestamp: null,
      source: {},
      reportingComponent: '',
    })
    expect(decodeJson(typeNamed('io.k8s.api.rbac.v1.Role'), Buffer.from('{}')).object).toEqual({
      metadata: {},
      rules: null,
    })
    expect(decode('ConfigMap', {}).object).toEqual({ metadata: {} })
  })

  it('reads null as absent in a field and as the zero value in a list or map', () => {
    const { object } = decode('Pod', {
      metadata: { labels: { a: null }, annotations: null },
      spec: { containers: [null] },
    })
    expect(object).toEqual({
      metadata: { labels: { a: '' } },
      spec: { containers: [{ name: '', resources: {} }] },
      status: {},
    })
  })

  it('writes quantities canonically, whether written as text or number', () => {
    const { object } = decode('Pod', {
      spec: {
        containers: [{ name: 'a', resources: { limits: { cpu: 0.5, memory: '1024Mi' }, requests: { cpu: '1000m' } } }],
      },
    })
    expect(object).toHaveProperty('spec.containers.0.resources', {
      limits: { cpu: '500m', memory: '1Gi' },
      requests: { cpu: '1' },
    })
  })

  it('writes times in UTC, with whole seconds or with microseconds', () => {
    const { object } = decode('Event', {
      firstTimestamp: '2026-01-02T03:04:05.678+02:00',
      eventTime: '2026-01-02T03:04:05.678901Z',
      lastTimestamp: '0001-01-01T00:00:00Z',
    })
    expect(object).toMatchObject({
      firstTimestamp: '2026-01-02T01:04:05Z',
      eventTime: '2026-01-02T03:04:05.678901Z',
      lastTimestamp: null,
    })
  })

  it('takes the last days of every month that has them, and no others', () => {
    const read = (lastTimestamp: string) => decode('Event', { lastTimestamp }).object
    for (const day of ['2026-01-31', '2026-04-30', '2024-02-29', '2026-12-29'])
      expect(read(`${day}T00:00:00Z`)).toMatchObject({ lastTimestamp: `${day}T00:00:00Z` })
    for (const day of ['2026-04-31', '2026-02-29', '2026-02-30'])
      expect(() => read(`${day}T00:00:00Z`)).toThrow('day out of range')
  })

  it('keeps raw values as they are, unknown fields included', () => {
    const data = { anything: [1, { goes: null }] }
    expect(
      decodeJson(typeNamed('io.k8s.api.apps.v1.ControllerRevision'), Buffer.from(JSON.stringify({ data }))).object,
    ).toMatchObject({ data, revision: 0 })
  })

  it('keeps a label that is called __proto__ a label', () => {
    const { object } = decode('ConfigMap', '{"data":{"__proto__":"x","a":"b"}}')
    expect(Object.entries(object['data'] as object)).toEqual([
      ['__proto__', 'x'],
      ['a', 'b'],
    ])
  })

  it('prunes inside the schemas of a custom resource definition', () => {
    const crd = typeNamed('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps')
    const { object } = decodeJson(
      crd,
      Buffer.from(
        JSON.stringify({
          items: { type: 'string', junk: 1 },
          additionalProperties: false,
          properties: { a: { type: 'object', default: { junk: 1 } } },
        }),
      ),
    )
    expect(object).toEqual({
      items: { type: 'string' },
      additionalProperties: false,
      properties: { a: { type: 'object', default: { junk: 1 } } },
    })
  })
})

describe('duplicate keys', () => {
  it('are named in document order with unknown fields', () => {
    const { strict, object } = decode(
      'ConfigMap',
      '{"metadata":{"name":"x","name":"y","labels":{"a":"1","a":"2"}},"zz":1,"data":{},"data":{"k":"v"}}',
    )
    expect(strict).toEqual([
      'duplicate field "metadata.name"',
      'duplicate field "metadata.labels.a"',
      'unknown field "zz"',
      'duplicate field "data"',
    ])
    expect(object).toEqual({ metadata: { name: 'y', labels: { a: '2' } }, data: { k: 'v' } })
  })

  it('are not reported below unknown fields, nor mistaken for text that looks like a key', () => {
    expect(decode('ConfigMap', '{"zz":{"a":1,"a":2}}').strict).toEqual(['unknown field "zz"'])
    expect(decode('ConfigMap', { data: { 'a"b': '"c": "d": \\', e: '\\"' } }).strict).toEqual([])
  })
})

describe('type errors', () => {
  it.each([
    ['Secret', { type: [] }, 'json: cannot unmarshal array into Go struct field Secret.type of type v1.SecretType'],
    [
      'ConfigMap',
      { data: { a: -1 } },
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
    [
      'ConfigMap',
      { metadata: { labels: [] } },
      'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [
      'Service',
      { spec: { ports: [{ port: 1.5 }] } },
      'json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      'Service',
      { spec: { ports: true } },
      'json: cannot unmarshal bool into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort',
    ],
    [
      'Pod',
      { spec: { containers: [[]] } },
      'json: cannot unmarshal array into Go struct field PodSpec.spec.containers of type v1.Container',
    ],
    [
      'PersistentVolume',
      { spec: { capacity: '' } },
      'json: cannot unmarshal string into Go struct field PersistentVolumeSpec.spec.capacity of type v1.ResourceList',
    ],
    [
      'PersistentVolumeClaim',
      { spec: { accessModes: {} } },
      'json: cannot unmarshal object into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type []v1.PersistentVolumeAccessMode',
    ],
    [
      'Pod',
      { spec: { containers: [{ livenessProbe: { httpGet: { port: true } } }] } },
      'json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
    ],
    ['Secret', { data: { a: 'Not_A_Name!' } }, 'illegal base64 data at input byte 3'],
    ['Secret', { data: { a: 'UPPER' } }, 'illegal base64 data at input byte 4'],
    ['Secret', { data: { a: 'QQ=' } }, 'illegal base64 data at input byte 3'],
    [
      'Event',
      { lastTimestamp: '99999' },
      'parsing time "99999" as "2006-01-02T15:04:05Z07:00": cannot parse "9" as "-"',
    ],
    [
      'Event',
      { eventTime: '2026-01-01T00:00:00Z' },
      'parsing time "2026-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    ],
    ['Event', { lastTimestamp: '2026-02-30T00:00:00Z' }, 'parsing time "2026-02-30T00:00:00Z": day out of range'],
    ['Pod', { spec: 1, metadata: 2 }, 'json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec'],
  ])('in a %s are worded as Go words them (%#)', (kind, body, message) => {
    expect(() => decode(kind, body)).toThrow(message)
  })

  it('lets the error of a quantity win over an earlier mismatch, as Go does', () => {
    expect(() => decode('PersistentVolume', { spec: { accessModes: 1, capacity: { storage: 'x' } } })).toThrow(
      'quantities must match the regular expression',
    )
  })

  it('refuses numbers out of range', () => {
    expect(() => decode('Service', { spec: { ports: [{ port: 2147483648 }] } })).toThrow(
      'number 2147483648 into Go struct field ServicePort.spec.ports.port of type int32',
    )
    expect(() => deployment({ spec: { strategy: { rollingUpdate: { maxSurge: 2147483648 } } } })).toThrow(
      'json: cannot unmarshal number 2147483648 into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32',
    )
  })
})

describe('text that is no JSON', () => {
  it.each([
    ['{"a":', 'unexpected end of JSON input'],
    ['', 'unexpected end of JSON input'],
    ['apiVersion: v1', "invalid character 'a' looking for beginning of value"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['{,}', "invalid character ',' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
    ['tru', 'unexpected end of JSON input'],
    ['trux', "invalid character 'x' in literal true (expecting 'e')"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['é', "invalid character 'Ã' looking for beginning of value"],
  ])('%j: %s', (text, message) => {
    expect(() => parseJson(text)).toThrow(message)
  })

  it('is shown by its start: text for JSON, hexadecimal for the rest', () => {
    expect(summarizeBody(Buffer.from(''))).toBe('<empty>')
    expect(summarizeBody(Buffer.from('{"a":'))).toBe('{"a":')
    expect(summarizeBody(Buffer.from(`{${'x'.repeat(40)}`))).toBe(`{${'x'.repeat(29)} ...`)
    expect(summarizeBody(Buffer.from('abc'))).toBe('616263')
  })
})

it('reads apiVersion and kind, and refuses what is no object', () => {
  expect(typeMetaOf({ kind: 'Pod' })).toEqual({ apiVersion: '', kind: 'Pod' })
  expect(() => typeMetaOf([])).toThrow('json: cannot unmarshal array into Go value of type')
  expect(() => typeMetaOf({ kind: 1 })).toThrow(
    'json: cannot unmarshal number into Go struct field .kind of type string',
  )
})

it('does not fall over deep nesting', () => {
  const deep = '{"type":"object","items":'.repeat(20_000) + '{}' + '}'.repeat(20_000)
  const props = typeNamed('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps')
  expect(() => decodeJson(props, Buffer.from(deep))).toThrow('exceeded max depth')
})

describe('numbers where integers belong', () => {
  const message = (spec: string, metadata = '{}') => {
    try {
      decode('Service', `{"metadata" : ${metadata}, "spec":${spec}}`)
      return undefined
    } catch (error) {
      return (error as Error).message.replace('json: cannot unmarshal ', '')
    }
  }

  it.each(['1.0', '1e3', '0.0', '12e-1', '10E-1', '1E0'])('are none when they are written %s', (written) => {
    expect(message(`{"healthCheckNodePort" : ${written}}`)).toBe(
      `number ${written} into Go struct field ServiceSpec.spec.healthCheckNodePort of type int32`,
    )
    expect(message('{}', `{"generation":${written}}`)).toBe(
      `number ${written} into Go struct field ObjectMeta.metadata.generation of type int64`,
    )
  })

  it('are refused as they are written when they are too long', () => {
    expect(message('{}', '{"generation":9223372036854775808}')).toBe(
      'number 9223372036854775808 into Go struct field ObjectMeta.metadata.generation of type int64',
    )
    expect(message('{"healthCheckNodePort":2147483648}')).toMatch('number 2147483648 into')
  })

  it('may be the negative zero, which is zero', () => {
    const { object } = decode('Service', '{"spec":{"ports":[{"port":-0,"nodePort":1}]}}')
    expect(JSON.stringify(object['spec'])).toContain('"port":0')
  })

  it('are left as they are where anything may stand, and are quantities as they are written', () => {
    expect(decode('Pod', '{"spec":{"containers":[{"resources":{"limits":{"a":1.0,"b":1e3}}}]}}').object).toHaveProperty(
      'spec.containers.0.resources.limits',
      { a: '1', b: '1e3' },
    )
    const revision = typeNamed('io.k8s.api.apps.v1.ControllerRevision')
    expect(decodeJson(revision, Buffer.from('{"data":{"x":1.0},"revision":1}')).object).toHaveProperty('data', { x: 1 })
    expect(decode('Service', '{"metadata":{"annotations":{"a":": 1.0"}}}').strict).toEqual([])
  })

  it('are refused everywhere when no double holds them', () => {
    expect(() => parseJson('{"a":[-1e400]}')).toThrow(
      'json: cannot unmarshal number -1e400 into Go value of type float64',
    )
    expect(parseJson('{"a":"1e400","b":1e300}')).toEqual({ a: '1e400', b: 1e300 })
  })
})

it('keeps an empty list of managers of the object itself, which says that there shall be none', () => {
  const metadata = { name: 'a', managedFields: [], finalizers: [] }
  const { object } = deployment({ metadata, spec: { template: { metadata } } })
  expect(object['metadata']).toEqual({ name: 'a', managedFields: [] })
  expect(object).toHaveProperty('spec.template.metadata', { name: 'a' })
})

describe('what a strategic patch or an apply came to', () => {
  const convert = (kind: string, body: object) => convertValue(core(kind), body)
  const message = (kind: string, body: object) => {
    try {
      convert(kind, body)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  it.each([
    [{ replicas: '3' }, 'unrecognized type: int32'],
    [{ replicas: 1.5 }, 'cannot convert float64 to int32'],
    [{ replicas: { a: 1 } }, 'unrecognized type: int32'],
    [{ selector: 'x' }, 'cannot restore map from string'],
    [{ selector: { a: 1 } }, 'cannot convert int64 to string'],
    [{ selector: { a: true } }, 'unrecognized type: string'],
    [{ template: [] }, 'cannot restore struct from: slice'],
    [{ template: { spec: { containers: {} } } }, 'cannot restore slice from map'],
    [{ template: { spec: { hostNetwork: 'true' } } }, 'unrecognized type: bool'],
    [{ template: { spec: { restartPolicy: 1 } } }, 'cannot convert int64 to v1.RestartPolicy'],
    // The first in the order of the type, whatever the order of the text.
    [{ selector: 'x', replicas: '3' }, 'unrecognized type: int32'],
  ])('is converted and not read: %j', (spec, why) => {
    expect(message('ReplicationController', { spec })).toBe(why)
  })

  it('has whole floats for integers, cuts off what is too long, and names unknown fields behind those within', () => {
    const { object, strict } = convert('ReplicationController', {
      x: 1,
      spec: { y: 1, replicas: 2.0, minReadySeconds: 4294967297 },
      metadata: { z: 1 },
    })
    expect(object['spec']).toMatchObject({ replicas: 2, minReadySeconds: 1 })
    expect(strict).toEqual(['unknown field "metadata.z"', 'unknown field "spec.y"', 'unknown field "x"'])
  })
})
