import { describe, expect, it } from 'vitest'
import { StatusError } from '#shared/kube/status.ts'
import { decodeValue } from '../decode-json.ts'
import { typeNamed } from '../table.ts'
import { applyJsonPatch } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { patchObject } from './patch-object.ts'
import { applyStrategicPatch } from './strategic.ts'
import type { JsonObject } from './values.ts'

const podSpec = typeNamed('io.k8s.api.core.v1.PodSpec')
const strategic = (target: JsonObject, patch: JsonObject, type = podSpec) => applyStrategicPatch(target, patch, type)
const names = (list: unknown) => (list as { name: string }[]).map((item) => item.name)

describe('strategic merge patch', () => {
  const spec = {
    containers: [
      { name: 'app', image: 'a:1', env: [{ name: 'A', value: '1' }] },
      { name: 'side', image: 's:1' },
    ],
    tolerations: [{ key: 'x' }],
    volumes: [{ name: 'v', emptyDir: {} }],
  }

  it('merges containers by name, and their environment by name', () => {
    const result = strategic(spec, { containers: [{ name: 'app', image: 'a:2', env: [{ name: 'B', value: '2' }] }] })
    expect(result['containers']).toEqual([
      {
        name: 'app',
        image: 'a:2',
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
      },
      { name: 'side', image: 's:1' },
    ])
    expect(spec.containers[0]!.image).toBe('a:1')
  })

  it('puts a new element before those that only the server has', () => {
    expect(names(strategic(spec, { containers: [{ name: 'new', image: 'n' }] })['containers'])).toEqual([
      'new',
      'app',
      'side',
    ])
  })

  it('replaces an atomic list as a whole', () => {
    expect(strategic(spec, { tolerations: [{ key: 'y' }] })['tolerations']).toEqual([{ key: 'y' }])
  })

  it('$patch: delete removes the element with that key, and only that', () => {
    expect(names(strategic(spec, { containers: [{ name: 'side', $patch: 'delete' }] })['containers'])).toEqual(['app'])
    expect(names(strategic(spec, { containers: [{ name: 'nobody', $patch: 'delete' }] })['containers'])).toEqual([
      'app',
      'side',
    ])
  })

  it('$patch: replace replaces the list, or the map', () => {
    expect(strategic(spec, { containers: [{ $patch: 'replace' }, { name: 'only' }] })['containers']).toEqual([
      { name: 'only' },
    ])
    expect(
      strategic(
        { securityContext: { runAsUser: 1, fsGroup: 2 } },
        { securityContext: { $patch: 'replace', runAsUser: 3 } },
      ),
    ).toEqual({ securityContext: { runAsUser: 3 } })
    expect(strategic({ securityContext: { runAsUser: 1 } }, { securityContext: { $patch: 'delete' } })).toEqual({
      securityContext: {},
    })
  })

  it('$retainKeys drops what a union of the original had besides', () => {
    const deploymentSpec = typeNamed('io.k8s.api.apps.v1.DeploymentSpec')
    const rolling = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } }
    expect(strategic(rolling, { strategy: { $retainKeys: ['type'], type: 'Recreate' } }, deploymentSpec)).toEqual({
      strategy: { type: 'Recreate' },
    })
    expect(
      strategic(
        { volumes: [{ name: 'v', emptyDir: {} }] },
        { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
      ),
    ).toEqual({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })
    expect(() =>
      strategic(rolling, { strategy: { $retainKeys: ['other'], type: 'Recreate' } }, deploymentSpec),
    ).toThrow('invalid patch format of retainKeys')
  })

  it('$setElementOrder orders what the patch knows and weaves in what it does not', () => {
    const abc = { containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }
    const order = (...list: string[]) => ({ '$setElementOrder/containers': list.map((name) => ({ name })) })
    expect(names(strategic(abc, order('c', 'a'))['containers'])).toEqual(['b', 'c', 'a'])
    expect(names(strategic(abc, { ...order('new', 'a', 'c'), containers: [{ name: 'new' }] })['containers'])).toEqual([
      'new',
      'a',
      'b',
      'c',
    ])
    expect(() => strategic(abc, { ...order('a'), containers: [{ name: 'z' }] })).toThrow(
      "doesn't match $setElementOrder list",
    )
  })

  it('$deleteFromPrimitiveList removes scalars, and merged scalars are not repeated', () => {
    const meta = typeNamed('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')
    expect(strategic({ finalizers: ['a', 'b', 'c'] }, { '$deleteFromPrimitiveList/finalizers': ['b'] }, meta)).toEqual({
      finalizers: ['a', 'c'],
    })
    expect(strategic({ finalizers: ['a', 'b'] }, { finalizers: ['b', 'z'] }, meta)).toEqual({
      finalizers: ['a', 'b', 'z'],
    })
    expect(
      strategic(
        { finalizers: ['a', 'b'] },
        { '$deleteFromPrimitiveList/finalizers': ['a'], '$setElementOrder/finalizers': ['z', 'b'], finalizers: ['z'] },
        meta,
      ),
    ).toEqual({ finalizers: ['z', 'b'] })
  })

  it('null removes a field, and leaves no null where there was nothing', () => {
    expect(
      strategic(
        { hostname: 'h', nodeSelector: { a: 'b' } },
        { hostname: null, nodeSelector: { a: null, c: 'd' }, affinity: { nodeAffinity: null } },
      ),
    ).toEqual({ nodeSelector: { c: 'd' }, affinity: {} })
  })

  it('takes no directive over into a part that was not there', () => {
    expect(
      strategic(
        {},
        {
          containers: [{ name: 'a', $patch: 'delete' }, { name: 'b' }],
          securityContext: { $retainKeys: ['runAsUser'], runAsUser: 1 },
        },
      ),
    ).toEqual({ containers: [{ name: 'b' }], securityContext: { runAsUser: 1 } })
  })

  it('merges ports by number, the trap being that the merge key is not the list key', () => {
    const service = typeNamed('io.k8s.api.core.v1.ServiceSpec')
    const ports = [{ port: 53, protocol: 'UDP' }, { port: 80 }]
    expect(strategic({ ports }, { ports: [{ port: 80, targetPort: 8080 }] }, service)).toEqual({
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 80, targetPort: 8080 },
      ],
    })
  })

  it('wants the merge key in every element', () => {
    expect(() => strategic(spec, { containers: [{ image: 'x' }] })).toThrow(
      'map: map[image:x] does not contain declared merge key: name',
    )
  })
})

describe('JSON patch', () => {
  const apply = (document: unknown, ...operations: object[]) => applyJsonPatch(structuredClone(document), operations)

  it('adds, replaces, removes, moves, copies and tests', () => {
    const document = { a: [1, 2], 'x/y': { '~': 1 } }
    expect(
      apply(document, { op: 'add', path: '/a/1', value: 9 }, { op: 'add', path: '/a/-', value: 3 }),
    ).toHaveProperty('a', [1, 9, 2, 3])
    expect(apply(document, { op: 'replace', path: '/x~1y/~0', value: null })).toHaveProperty(['x/y', '~'], null)
    expect(apply(document, { op: 'move', from: '/a/0', path: '/b' })).toEqual({ a: [2], b: 1, 'x/y': { '~': 1 } })
    expect(apply(document, { op: 'copy', from: '/a', path: '/b' }, { op: 'remove', path: '/b/-1' })).toMatchObject({
      a: [1, 2],
      b: [1],
    })
    expect(
      apply(document, { op: 'test', path: '/a', value: [1, 2] }, { op: 'test', path: '/none', value: null }),
    ).toEqual(document)
  })

  it.each([
    { op: 'remove', path: '/none' },
    { op: 'add', path: '/none/deep', value: 1 },
    { op: 'replace', path: '/a/0', value: 1 },
    { op: 'replace', path: '', value: 1 },
    { op: 'remove', path: '' },
    { op: 'move', from: '/none', path: '/b' },
    { op: 'copy', from: '', path: '/b' },
    { op: 'add', path: '/a/-2', value: 1 },
    { op: 'add', path: '/a/1.0', value: 1 },
    { op: 'add', path: '/a/9', value: 1 },
    { op: 'test', path: '/a', value: 2 },
    { op: 'add', path: 'a', value: 1 },
    { op: 'fly', path: '/a' },
    { op: 'add', path: '/a/x', value: 1 },
    { op: 'add' },
    { op: 'remove', path: '/constructor' },
  ])('refuses %j', (operation) => {
    expect(() => apply({ a: [] }, operation)).toThrow()
  })

  // What evanphx/json-patch v4 makes of these, which the standard would refuse or do otherwise.
  it.each([
    [
      { op: 'replace', path: '/none', value: 1 },
      { a: [1, 2], none: 1 },
    ],
    [
      { op: 'add', path: '/b' },
      { a: [1, 2], b: null },
    ],
    [
      { op: 'copy', from: '/none', path: '/b' },
      { a: [1, 2], b: null },
    ],
    [{ op: 'add', path: '/a/-1', value: 3 }, { a: [1, 2, 3] }],
    [{ op: 'add', path: '/a/-3', value: 3 }, { a: [3, 1, 2] }],
    [{ op: 'replace', path: '/a/-1', value: 3 }, { a: [1, 3] }],
    [{ op: 'remove', path: '/a/+0' }, { a: [2] }],
    [
      { op: 'add', path: 'ignored/b', value: 3 },
      { a: [1, 2], b: 3 },
    ],
    [{ op: 'replace', path: '', value: { c: 1 } }, { c: 1 }],
    [{ op: 'test', path: '', value: { a: [1, 2] } }, { a: [1, 2] }],
    [{ op: 'test', path: '/none' }, { a: [1, 2] }],
  ])('takes %j as the server’s library does', (operation, result) => {
    expect(apply({ a: [1, 2] }, operation)).toEqual(result)
  })
})

it('merge patch replaces lists, removes with null and recurses into maps', () => {
  expect(
    applyMergePatch({ a: [1], b: { c: 1, d: 2 }, e: 1 }, { a: [2], b: { c: null, f: { g: null } }, e: null }),
  ).toEqual({ a: [2], b: { d: 2, f: {} } })
})

it('merge patch takes nulls out of objects in new lists, and leaves those that are items', () => {
  const list = [{ x: null, y: 1 }, null]
  expect(applyMergePatch({ a: [1], b: {} }, { a: list, b: list, c: list })).toEqual({
    a: [{ y: 1 }, null],
    b: list,
    c: [{ y: 1 }, null],
  })
})

describe('strict errors of a patch', () => {
  const strictOf = (format: 'json' | 'merge', text: string) =>
    patchObject({
      format,
      body: Buffer.from(text),
      current: { a: 1 },
      decode: (value) => ({ object: value as Record<string, unknown>, strict: [] }),
    }).strict

  it('stand in the order of the text, each once', () => {
    expect(
      strictOf(
        'json',
        '[{"x":{"a":1,"a":2},"op":"add","path":"/b","value":{"c":1,"c":2,"c":3},"Op":1,"op":"add"},{"op":"test","path":"/n","y":1}]',
      ),
    ).toEqual([
      'json patch unknown field "[0].x"',
      'json patch duplicate field "[0].value.c"',
      'json patch unknown field "[0].Op"',
      'json patch duplicate field "[0].op"',
      'json patch unknown field "[1].y"',
    ])
    expect(strictOf('merge', '{"b":{"c":1,"c":2},"":{"d":1,"d":2}}')).toEqual([
      'duplicate field "b.c"',
      'duplicate field ".d"',
    ])
  })

  it('are no hindrance to a patch that says nothing', () => {
    expect(strictOf('json', 'null')).toEqual([])
    expect(() => strictOf('merge', 'null')).toThrow('Invalid JSON Patch')
  })
})

describe('a patch request', () => {
  const type = typeNamed('io.k8s.api.apps.v1.Deployment')
  const current = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 1 } }
  const send = (format: 'json' | 'merge' | 'strategic', body: unknown) =>
    patchObject({ format, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), current, type })
  const failure = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      if (error instanceof StatusError) return error.status
      throw error
    }
    throw new Error('expected a failure')
  }

  it('gives the decoded result and its strict errors', () => {
    const { object, strict } = send('merge', '{"spec":{"replicas":3,"bogus":1,"paused":false,"replicas":4}}')
    expect(object).toMatchObject({ spec: { replicas: 4, template: {} } })
    expect(strict).toEqual(['duplicate field "spec.replicas"', 'unknown field "spec.bogus"'])
  })

  it('hands on what it leaves alone where that is asked for, but never the metadata, spec or status themselves', () => {
    const kept = { selector: { matchLabels: { app: 'web' } }, template: { spec: { containers: [{ name: 'c' }] } } }
    const before = decodeValue(type, { ...current, metadata: { name: 'web', labels: { a: 'b' } }, spec: kept }).object
    const body = Buffer.from('{"status":{"replicas":1}}')
    const patch = (sharing: boolean) =>
      patchObject({ format: 'merge', body, current: before, type, sharing }).object as Record<string, JsonObject>
    const [shared, copied] = [patch(true), patch(false)]
    expect(shared).toEqual(copied)
    expect(shared['spec']!['template']).toBe((before as typeof shared)['spec']!['template'])
    expect(copied['spec']!['template']).not.toBe((before as typeof shared)['spec']!['template'])
    for (const part of ['metadata', 'spec', 'status']) expect(shared[part]).not.toBe((before as typeof shared)[part])
  })

  it('answers 400 to what is no patch', () => {
    expect(failure(() => send('json', { not: 'a list' }))).toMatchObject({
      code: 400,
      message: 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    })
    expect(failure(() => send('json', [1])).message).toBe(
      'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp',
    )
    expect(failure(() => send('merge', '{'))).toMatchObject({
      code: 400,
      message: 'error decoding patch: unexpected end of JSON input',
    })
    expect(failure(() => send('strategic', []))).toMatchObject({ code: 400 })
  })

  it('answers 422 without details to a JSON patch that does not fit', () => {
    expect(failure(() => send('json', [{ op: 'test', path: '/spec/replicas', value: 99 }]))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 422,
      reason: 'Invalid',
      details: {},
      message: 'the server rejected our request due to an error in our request',
    })
  })

  it('answers 422 on the field "patch" when the result is no object of the kind', () => {
    expect(failure(() => send('strategic', { spec: { replicas: 'x' } }))).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32',
      details: { causes: [{ reason: 'FieldValueInvalid', field: 'patch' }] },
    })
  })

  it('answers a bare 500 to a strategic patch that the schema cannot merge', () => {
    const status = failure(
      () =>
        send('strategic', { metadata: { ownerReferences: [{ name: 'x' }] }, spec: {} }) &&
        patchObject({
          format: 'strategic',
          type,
          current: { metadata: { ownerReferences: [{ uid: 'a', name: 'b' }] } },
          body: Buffer.from(JSON.stringify({ metadata: { ownerReferences: [{ name: 'x' }] } })),
        }),
    )
    expect(status).toMatchObject({ code: 500, message: 'map: map[name:x] does not contain declared merge key: uid' })
    expect(status).not.toHaveProperty('reason')
  })

  it('changes nothing of the current object', () => {
    const before = structuredClone(current)
    send('json', [{ op: 'replace', path: '/spec/replicas', value: 7 }])
    send('merge', { metadata: { labels: { a: 'b' } } })
    send('strategic', { spec: { template: { spec: { containers: [{ name: 'a' }] } } } })
    expect(current).toEqual(before)
  })
})
