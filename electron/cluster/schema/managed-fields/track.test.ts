import { describe, expect, it } from 'vitest'
import { StatusError } from '#shared/kube/status.ts'
import { decodeValue } from '../decode-json.ts'
import { typeNamed } from '../table.ts'
import { managerOf } from './managers.ts'
import { applyConfiguration, sameExceptTimes, trackUpdate, trackedCustomResource, trackedType } from './track.ts'
import type { JsonObject } from './view.ts'

const now = '2026-01-01T00:00:00Z'
const type = typeNamed('io.k8s.api.apps.v1.Deployment')
const context = { kind: trackedType(type), apiVersion: 'apps/v1', subresource: '', now, ignored: [['status']] }
const decode = (value: unknown) => decodeValue(type, value).object

function failure(run: () => unknown) {
  try {
    run()
  } catch (error) {
    if (error instanceof StatusError) return error.status
    throw error
  }
  throw new Error('expected a failure')
}

const spec = {
  replicas: 2,
  selector: { matchLabels: { app: 'x' } },
  template: {
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'app', image: 'a:1', ports: [{ containerPort: 80 }] }] },
  },
}
const owned = (fields: object, manager: string, operation: string, rest: object = { time: now }) => ({
  manager,
  operation,
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1: fields,
  ...rest,
})

describe('objects of one template', () => {
  const make = (more: object = {}, manager = 'me', time = now) =>
    trackUpdate({
      ...context,
      now: time,
      manager,
      live: undefined,
      next: decode({ metadata: { generateName: 'd-', labels: { a: 'b' } }, spec: { ...spec, ...more } }),
    })

  it('own the same, each since its own time, without being looked through again', () => {
    const first = make()
    const second = make({}, 'me', '2026-01-01T00:00:01Z')
    expect(second[0]!.fieldsV1).toBe(first[0]!.fieldsV1)
    expect([first[0]!.time, second[0]!.time]).toEqual([now, '2026-01-01T00:00:01Z'])
  })

  it('own what they set where the template or the writer has changed', () => {
    make()
    expect(make({ paused: true })[0]!.fieldsV1).toMatchObject({ 'f:spec': { 'f:paused': {} } })
    expect(make()[0]!.fieldsV1).not.toMatchObject({ 'f:spec': { 'f:paused': {} } })
    expect(make({}, 'other')[0]!.manager).toBe('other')
  })

  it('are not mistaken for one that was changed after it was made', () => {
    const next = decode({ metadata: { generateName: 'e-' }, spec })
    const write = (object: JsonObject) => trackUpdate({ ...context, manager: 'me', live: undefined, next: object })
    const before = structuredClone(next)
    const first = write(next as JsonObject)
    Object.assign(next as JsonObject, { spec: {} })
    expect(write(next as JsonObject)).not.toEqual(first)
    expect(write(before as JsonObject)).toEqual(first)
  })
})

describe('writes that are alike but for what items of lists are called', () => {
  const podKind = { ...context, kind: trackedType(typeNamed('io.k8s.api.core.v1.Pod')), apiVersion: 'v1' }
  const podOf = (uid: string, status: object = {}, managedFields: readonly object[] = []) => ({
    metadata: { name: 'p', ownerReferences: [{ uid, name: 'n' }], managedFields },
    spec: { containers: [{ name: 'c', image: 'i' }] },
    status,
  })
  const created = (uid: string) => trackUpdate({ ...podKind, manager: 'maker', live: undefined, next: podOf(uid) })
  const reported = (uid: string, ips: readonly string[], live = podOf(uid, {}, created(uid))) =>
    trackUpdate({
      ...podKind,
      manager: 'agent',
      subresource: 'status',
      ignored: [['spec']],
      live,
      next: podOf(uid, { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) }, live.metadata.managedFields),
    })
  const setOf = (entries: ReturnType<typeof trackUpdate>, manager: string) =>
    entries.find((entry) => entry.manager === manager)!.fieldsV1

  it('own each what is theirs, in order, and share the rest', () => {
    const one = reported('u1', ['10.0.0.1'])
    const two = reported('u2', ['10.0.0.2'])
    expect(setOf(two, 'agent')).toEqual({
      'f:status': {
        'f:phase': {},
        'f:podIPs': { '.': {}, 'k:{"ip":"10.0.0.2"}': { '.': {}, 'f:ip': {} } },
      },
    })
    expect(setOf(two, 'maker')).toMatchObject({ 'f:metadata': { 'f:ownerReferences': { 'k:{"uid":"u2"}': {} } } })
    expect(setOf(one, 'agent')).toMatchObject({ 'f:status': { 'f:podIPs': { 'k:{"ip":"10.0.0.1"}': {} } } })
    const spec = (entries: typeof one) => (setOf(entries, 'maker') as Record<string, unknown>)['f:spec']
    expect(spec(two)).toBe(spec(one))
  })

  it('keep items in order whichever way they are called', () => {
    reported('u1', ['10.0.0.1', 'fd00::1'])
    const ips = (setOf(reported('u1', ['fd00::2', '10.0.0.2']), 'agent') as Record<string, Record<string, object>>)[
      'f:status'
    ]!['f:podIPs']!
    expect(Object.keys(ips)).toEqual(['.', 'k:{"ip":"10.0.0.2"}', 'k:{"ip":"fd00::2"}'])
  })

  it('are not mistaken for writes in which other items are the same', () => {
    const again = (ip: string) => {
      const before = reported('u1', ['10.0.0.1'])
      return reported('u1', [ip], podOf('u1', { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] }, before))
    }
    expect(setOf(again('10.0.0.1'), 'agent')).toMatchObject({
      'f:status': { 'f:podIPs': { 'k:{"ip":"10.0.0.1"}': {} } },
    })
    const moved = setOf(again('10.0.0.9'), 'agent') as Record<string, Record<string, object>>
    expect(Object.keys(moved['f:status']!['f:podIPs']!)).toEqual(['.', 'k:{"ip":"10.0.0.9"}'])
  })

  it('are told from writes in which a client spells an item in its own way', () => {
    const spelled = (uid: string) => {
      const fieldsV1 = { 'f:metadata': { 'f:ownerReferences': { 'k:{ "uid": "u1" }': { 'f:name': {} } } } }
      const entry = { manager: 'other', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 }
      const live = { ...podOf(uid, {}, [entry]), metadata: { name: 'p', managedFields: [entry] } }
      return trackUpdate({ ...podKind, manager: 'me', live, next: podOf(uid, {}, [entry]) })
    }
    expect(spelled('u1').map(({ manager }) => manager)).toEqual(['me'])
    expect(spelled('u2').map(({ manager }) => manager)).toEqual(['other', 'me'])
  })

  it('are spelled as Go spells them, whoever came before', () => {
    for (const uid of ['u1', 'a&b', 'u2'])
      expect(setOf(created(uid), 'maker')).toMatchObject({
        'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${uid.replace('&', '\\u0026')}"}`]: {} } },
      })
  })

  it('are told from keys of maps that look like an item', () => {
    const config = { ...context, kind: trackedType(typeNamed('io.k8s.api.core.v1.ConfigMap')), apiVersion: 'v1' }
    const made = (key: string) =>
      trackUpdate({ ...config, manager: 'me', live: undefined, next: { metadata: {}, data: { [key]: 'x' } } })
    for (const key of ['"k:{"ip":"1"}', '"k:{"ip":"2"}', 'k:{"ip":"1"}', 'k:{"ip":"2"}'])
      expect(made(key)[0]!.fieldsV1).toEqual({ 'f:data': { '.': {}, [`f:${key}`]: {} } })
  })
})

describe('plain writes', () => {
  it('own what a creation sets, keyed by list keys, atomic parts as one, structs not at all', () => {
    const next = decode({
      metadata: { name: 'd', labels: { a: 'b' }, finalizers: ['x/y'] },
      spec: { ...spec, strategy: { rollingUpdate: { maxSurge: 1 } } },
      status: { replicas: 3 },
    })
    expect(trackUpdate({ ...context, manager: 'me', live: undefined, next })).toEqual([
      owned(
        {
          'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x/y"': {} }, 'f:labels': { '.': {}, 'f:a': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': {
                'f:containers': {
                  'k:{"name":"app"}': {
                    '.': {},
                    'f:image': {},
                    'f:name': {},
                    'f:ports': {
                      '.': {},
                      'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                    },
                    'f:resources': {},
                  },
                },
              },
            },
          },
        },
        'me',
        'Update',
      ),
    ])
  })

  it('take over what they change, drop what they remove and keep what they leave', () => {
    const live = decode({ metadata: { name: 'd' }, spec })
    const entries = trackUpdate({ ...context, manager: 'one', live: undefined, next: live })
    const before = { ...live, metadata: { ...(live['metadata'] as object), managedFields: entries } }
    const next = decode({
      metadata: { name: 'd' },
      spec: { ...spec, replicas: 5, selector: undefined, minReadySeconds: 3 },
    })
    const after = trackUpdate({ ...context, manager: 'two', now: '2026-01-01T00:01:00Z', live: before, next })
    expect(after[1]).toEqual(
      owned({ 'f:spec': { 'f:minReadySeconds': {}, 'f:replicas': {} } }, 'two', 'Update', {
        time: '2026-01-01T00:01:00Z',
      }),
    )
    expect(after[0]!.time).toBe(now)
    expect(Object.keys((after[0]!.fieldsV1 as Record<string, object>)['f:spec']!)).toEqual(['f:template'])
  })

  it('leave the entries alone when nothing changed', () => {
    const live = decode({ metadata: { name: 'd' }, spec })
    const entries = trackUpdate({ ...context, manager: 'one', live: undefined, next: live })
    const before = { ...live, metadata: { ...(live['metadata'] as object), managedFields: entries } }
    expect(
      trackUpdate({
        ...context,
        manager: 'two',
        now: '2026-01-01T00:01:00Z',
        live: before,
        next: structuredClone(before),
      }),
    ).toEqual(entries)
  })

  it('track nothing more after a client has reset the entries, until someone applies', () => {
    const live = decode({
      metadata: { name: 'd', managedFields: [owned({ 'f:spec': { 'f:replicas': {} } }, 'one', 'Update')] },
      spec,
    })
    const reset = { ...live, metadata: { name: 'd', managedFields: [{}] }, spec: { ...spec, replicas: 9 } }
    expect(trackUpdate({ ...context, manager: 'one', live, next: reset })).toEqual([])
    const bare = { ...live, metadata: { name: 'd' } }
    expect(
      trackUpdate({ ...context, manager: 'one', live: bare, next: { ...bare, spec: { ...spec, replicas: 7 } } }),
    ).toEqual([])
    const applied = applyConfiguration({
      ...context,
      manager: 'two',
      live: bare,
      config: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { replicas: 2 } },
      force: false,
    })
    expect(applied.managedFields.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
      'two Apply',
      'before-first-apply Update',
    ])
  })

  it('believe the live entries where the client sends none, or writes through a subresource', () => {
    const entry = owned({ 'f:spec': { 'f:replicas': {} } }, 'one', 'Update')
    const live = decode({ metadata: { name: 'd', managedFields: [entry] }, spec })
    const next = decode({ metadata: { name: 'd' }, spec, status: { replicas: 1 } })
    const after = trackUpdate({ ...context, ignored: [['spec']], subresource: 'status', manager: 'two', live, next })
    expect(after).toEqual([
      entry,
      { ...owned({ 'f:status': { 'f:replicas': {} } }, 'two', 'Update'), subresource: 'status' },
    ])
  })

  it('of one kind come to one set, each at its own time, where the owners before were the same', () => {
    const write = (name: string, seen: string, owners: object[], replicas = 3) =>
      trackUpdate({
        ...context,
        now: seen,
        manager: 'two',
        live: decode({ metadata: { name, managedFields: owners }, spec }),
        next: decode({ metadata: { name }, spec: { ...spec, replicas } }),
      })
    const one = (time: string, fields: object = { 'f:spec': { 'f:selector': {} } }) =>
      owned(fields, 'one', 'Update', { time })
    const later = '2026-01-01T00:00:05Z'
    const first = write('a', later, [one(now)])
    const second = write('b', '2026-01-01T00:00:09Z', [one('2026-01-01T00:00:03Z')], 4)
    expect(second[1]!.fieldsV1).toBe(first[1]!.fieldsV1)
    expect(second.map(({ manager, time }) => [manager, time])).toEqual([
      ['one', '2026-01-01T00:00:03Z'],
      ['two', '2026-01-01T00:00:09Z'],
    ])
    const other = write('c', later, [one(now, { 'f:spec': { 'f:selector': {}, 'f:replicas': {} } })])
    expect(other[0]!.fieldsV1).toEqual({ 'f:spec': { 'f:selector': {} } })
  })

  it('merge the oldest updaters when there are more than ten', () => {
    let live = decode({ metadata: { name: 'd' }, spec })
    for (let i = 0; i < 14; i++) {
      const next: JsonObject = {
        ...structuredClone(live),
        metadata: {
          ...(live['metadata'] as object),
          labels: { ...(live['metadata'] as { labels?: object }).labels, [`l${i}`]: 'x' },
        },
      }
      const managedFields = trackUpdate({
        ...context,
        manager: `m${i}`,
        now: new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString().replace('.000', ''),
        live: i ? live : undefined,
        next,
      })
      live = { ...next, metadata: { ...(next['metadata'] as object), managedFields } }
    }
    const names = (live['metadata'] as { managedFields: { manager: string }[] }).managedFields.map(
      ({ manager }) => manager,
    )
    expect(names).toHaveLength(10)
    expect(names[0]).toBe('ancient-changes')
    expect(names.at(-1)).toBe('m13')
  })
})

describe('server-side apply', () => {
  const config = (of: object, name = 'd') => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: of,
  })
  const applying = (live: JsonObject | undefined, manager: string, of: object, force = false) => {
    const result = applyConfiguration({ ...context, manager, live, config: config(of), force })
    const object = decode(result.object)
    return {
      ...object,
      metadata: { ...(object['metadata'] as object), managedFields: result.managedFields },
    } as unknown as JsonObject & { spec: typeof spec }
  }
  const managers = (object: JsonObject) =>
    (object['metadata'] as { managedFields: { manager: string; fieldsV1: object }[] }).managedFields

  it('owns exactly what was sent', () => {
    const created = applying(undefined, 'alice', {
      replicas: 2,
      template: { spec: { containers: [{ name: 'app', image: 'a' }] } },
    })
    expect(managers(created)).toEqual([
      owned(
        {
          'f:spec': {
            'f:replicas': {},
            'f:template': {
              'f:spec': { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
            },
          },
        },
        'alice',
        'Apply',
      ),
    ])
  })

  it('refuses to change what another applier owns, and says whose it is', () => {
    const live = applying(undefined, 'alice', spec)
    expect(failure(() => applying(live, 'bob', { replicas: 5 }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "alice": .spec.replicas',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alice"', field: '.spec.replicas' }],
      },
    })
    const several = failure(() =>
      applying(live, 'bob', { replicas: 5, template: { spec: { containers: [{ name: 'app', image: 'b' }] } } }),
    )
    expect(several.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "alice":\n- .spec.replicas\n- .spec.template.spec.containers[name="app"].image',
    )
  })

  it('names version and subresource of an updater it conflicts with', () => {
    const live = applying(undefined, 'alice', { replicas: 1 })
    const scaled = { ...live, spec: { ...live.spec, replicas: 3 } }
    const managedFields = trackUpdate({
      ...context,
      ignored: [],
      subresource: 'scale',
      manager: 'hpa',
      live,
      next: scaled,
    })
    const message = failure(() =>
      applying({ ...scaled, metadata: { name: 'd', managedFields } }, 'alice', { replicas: 1 }),
    ).message
    expect(message).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
    )
  })

  it('with force takes the field over', () => {
    const forced = applying(applying(undefined, 'alice', { replicas: 1 }), 'bob', { replicas: 5 }, true)
    expect(forced.spec.replicas).toBe(5)
    expect(managers(forced).map(({ manager }) => manager)).toEqual(['bob'])
  })

  it('shares a field that two appliers set alike, and removes it only when the last one lets go', () => {
    const both = applying(applying(undefined, 'alice', { replicas: 1, minReadySeconds: 4 }), 'bob', {
      minReadySeconds: 4,
    })
    expect(managers(both).map(({ manager }) => manager)).toEqual(['bob', 'alice'])
    const one = applying(both, 'alice', { replicas: 1 })
    expect(one.spec).toHaveProperty('minReadySeconds', 4)
    const none = applying(one, 'bob', {})
    expect(none.spec).not.toHaveProperty('minReadySeconds')
    expect(managers(none).at(-1)).toMatchObject({ manager: 'bob', fieldsV1: { 'f:spec': {} } })
  })

  it('removes the list item that its applier no longer sends, and leaves the others', () => {
    const live = applying(applying(undefined, 'alice', spec), 'dave', {
      template: { spec: { containers: [{ name: 'side', image: 's' }] } },
    })
    expect(live.spec.template.spec.containers.map(({ name }) => name)).toEqual(['app', 'side'])
    const without = applying(live, 'dave', { minReadySeconds: 1 })
    expect(without.spec.template.spec.containers.map(({ name }) => name)).toEqual(['app'])
  })

  it('removes an item whole when nobody else owns it, though an updater set a field in it', () => {
    const live = applying(undefined, 'alice', { template: { spec: { containers: [{ name: 'app', image: 'a' }] } } })
    const next = structuredClone(live)
    Object.assign(next.spec.template.spec.containers[0]!, { tty: true })
    const managedFields = trackUpdate({ ...context, manager: 'kubectl-edit', live, next })
    const after = applying({ ...next, metadata: { name: 'd', managedFields } }, 'alice', { replicas: 1 })
    expect(after.spec.template.spec.containers).toBeNull()
    expect(managers(after).map(({ manager }) => manager)).toEqual(['alice'])
  })

  it('says when it changed nothing', () => {
    const live = applying(undefined, 'alice', { replicas: 1 })
    expect(
      applyConfiguration({ ...context, manager: 'alice', live, config: config({ replicas: 1 }), force: false }),
    ).toMatchObject({ changed: false })
    const shared = applyConfiguration({
      ...context,
      manager: 'carol',
      live,
      config: config({ replicas: 1 }),
      force: false,
    })
    expect(shared.changed).toBe(false)
    // Nothing changed, so the new entry has no time, and sorts first.
    expect(shared.managedFields[0]).toEqual(owned({ 'f:spec': { 'f:replicas': {} } }, 'carol', 'Apply', {}))
  })

  it('does not hold client-side applies of the same person against kubectl', () => {
    const written = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { replicas: 2 } }
    const next = decode({
      metadata: {
        name: 'd',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(written) },
      },
      spec,
    })
    const managedFields = trackUpdate({ ...context, manager: 'kubectl-client-side-apply', live: undefined, next })
    const live = { ...next, metadata: { ...(next['metadata'] as object), managedFields } }
    expect(applying(live, 'kubectl', { replicas: 3 }).spec.replicas).toBe(3)
    expect(failure(() => applying(live, 'flux', { replicas: 3 })).code).toBe(409)
    expect(failure(() => applying(live, 'kubectl', { template: { metadata: { labels: { app: 'y' } } } })).code).toBe(
      409,
    )
  })

  it.each([
    [{ bogus: 1 }, '.spec.bogus: field not declared in schema'],
    [{ replicas: 'x' }, '.spec.replicas: expected numeric (int or float), got string'],
    [
      { template: { spec: { containers: [{ name: 'a' }, { name: 'a' }] } } },
      '.spec.template.spec.containers: duplicate entries for key [name="a"]',
    ],
    [{ template: { spec: { containers: {} } } }, '.spec.template.spec.containers: expected list, got &{map[]}'],
    [
      { replicas: true, paused: 'x', a: 1, b: 2 },
      'errors:\n  .spec.replicas: expected numeric (int or float), got bool\n  .spec.paused: expected boolean, got &{x}\n  .spec.a: field not declared in schema',
    ],
  ])('refuses %j with a bare 500', (of, message) => {
    const status = failure(() => applying(undefined, 'alice', of))
    expect(status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 500,
      message: `failed to create typed patch object (/d; apps/v1, Kind=Deployment): ${message}`,
    })
  })

  it('refuses managedFields of the client', () => {
    const send = (of: JsonObject) =>
      failure(() => applyConfiguration({ ...context, manager: 'a', live: undefined, config: of, force: false })).message
    expect(send({ metadata: { managedFields: [] } })).toBe('metadata.managedFields must be nil')
  })

  it('changes nothing that it is given', () => {
    const live = applying(undefined, 'alice', spec)
    const before = structuredClone(live)
    applying(live, 'bob', { minReadySeconds: 1, template: { spec: { containers: [{ name: 'app', tty: true }] } } })
    expect(live).toEqual(before)
  })
})

describe('custom resources', () => {
  const kind = trackedCustomResource({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          kind: { type: 'string' },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          ports: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: { type: 'object', properties: { name: { type: 'string' }, n: { type: 'integer' } } },
          },
        },
      },
    },
  })
  const boat = { kind, apiVersion: 'sea.example.com/v1', subresource: '', now }

  it('are tracked by their own schema', () => {
    const next = {
      apiVersion: 'sea.example.com/v1',
      kind: 'Boat',
      metadata: { name: 'b' },
      spec: { kind: 'sail', free: { any: [1, { deep: true }] }, ports: [{ name: 'a', n: 1 }] },
    }
    expect(trackUpdate({ ...boat, manager: 'm', live: undefined, next })[0]!.fieldsV1).toEqual({
      'f:spec': {
        '.': {},
        'f:free': { '.': {}, 'f:any': {} },
        'f:kind': {},
        'f:ports': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:n': {}, 'f:name': {} } },
      },
    })
  })

  it('merge keyed lists of two appliers', () => {
    const apply = (live: JsonObject | undefined, manager: string, name: string) =>
      applyConfiguration({
        ...boat,
        manager,
        live,
        force: false,
        config: {
          apiVersion: 'sea.example.com/v1',
          kind: 'Boat',
          metadata: { name: 'b' },
          spec: { ports: [{ name, n: 1 }] },
        },
      })
    const one = apply(undefined, 'one', 'a')
    const two = apply({ ...one.object, metadata: { name: 'b', managedFields: one.managedFields } }, 'two', 'b')
    expect(two.object['spec']).toEqual({
      ports: [
        { name: 'a', n: 1 },
        { name: 'b', n: 1 },
      ],
    })
  })
})

it('compares objects without the times of their entries', () => {
  const object = (time: string, replicas = 1) => ({
    metadata: { managedFields: [owned({}, 'a', 'Update', { time })] },
    spec: { replicas },
  })
  const equal = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  expect(sameExceptTimes(object(now), object('2026-02-02T00:00:00Z'), equal)).toBe(true)
  expect(sameExceptTimes(object(now), object(now, 2), equal)).toBe(false)
})

it('takes the manager from fieldManager, else from the user agent up to the slash', () => {
  expect(managerOf('me', 'kubectl/v1.33')).toBe('me')
  expect(managerOf('', 'kubectl/v1.33 (linux/amd64)')).toBe('kubectl')
  expect(managerOf('', 'a\u0001b/1')).toBe('ab')
  expect(managerOf('', '')).toBe('unknown')
  expect(managerOf('', 'x'.repeat(200))).toHaveLength(128)
})
