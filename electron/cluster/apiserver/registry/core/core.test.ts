import { describe, expect, it } from 'vitest'
import { create, update } from '../testing/rules.ts'
import { configMap } from './config-map.ts'
import { event, newEvent } from './event/index.ts'
import { limitRange } from './limit-range.ts'
import { namespace } from './namespace.ts'
import { node, type Node } from './node.ts'
import { persistentVolume, type PersistentVolume } from './persistent-volume/index.ts'
import { persistentVolumeClaim } from './persistent-volume-claim/index.ts'
import { resourceQuota } from './resource-quota.ts'
import { secret } from './secret.ts'

const meta = (name = 'x') => ({ metadata: { name, namespace: 'a' } })
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('config maps', () => {
  it('hold a key in one of their two parts', () => {
    const { errors } = create(configMap, { ...meta(), data: { k: 'v' }, binaryData: { k: base64('v') } })
    expect(errors).toEqual(['data[k]: Invalid value: "k": duplicate of key present in binaryData'])
  })

  it('never change again once they are immutable', () => {
    const { object } = create(configMap, { ...meta(), data: { k: 'v' }, immutable: true })
    expect(update(configMap, object, (changed) => (changed.data = { k: 'w' })).errors).toEqual([
      'data: Forbidden: field is immutable when `immutable` is set',
    ])
    expect(update(configMap, object, (changed) => delete changed.immutable).errors).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set',
    ])
    expect(update(configMap, object, (changed) => (changed.metadata!.labels = { a: 'b' })).errors).toEqual([])
  })

  it('are bounded by a mebibyte', () => {
    expect(create(configMap, { ...meta(), data: { k: 'v'.repeat(1024 * 1024) } }).errors).toEqual([])
    expect(create(configMap, { ...meta(), data: { k: 'v'.repeat(1024 * 1024 + 1) } }).errors).toHaveLength(1)
  })
})

describe('secrets', () => {
  it('take plain strings in and keep them as data, over what was there', () => {
    const { object } = create(secret, { ...meta(), data: { a: base64('old') }, stringData: { a: 'new', b: 'c' } })
    expect(object).toMatchObject({ type: 'Opaque', data: { a: base64('new'), b: base64('c') } })
    expect(object.stringData).toBeUndefined()
  })

  it('never change their type', () => {
    const { object } = create(secret, meta())
    expect(update(secret, object, (changed) => (changed.type = 'example.com/x')).errors).toEqual([
      'type: Invalid value: "example.com/x": field is immutable',
    ])
  })

  it('hold what their type needs', () => {
    expect(create(secret, { ...meta(), type: 'kubernetes.io/tls', data: { 'tls.crt': base64('x') } }).errors).toEqual([
      'data[tls.key]: Required value',
    ])
    const docker = { ...meta(), type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{}') } }
    expect(create(secret, docker).errors).toEqual([])
  })
})

it('finalizers are qualified names, or those that everybody knows', () => {
  const finalizers = ['example.com/x', 'orphan', 'mine']
  const { errors } = create(configMap, { metadata: { name: 'x', namespace: 'a', finalizers } })
  expect(errors).toEqual([
    'metadata.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ])
})

describe('persistent volumes', () => {
  const volume = (spec: object): PersistentVolume => ({
    metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec },
  })
  const errorsOf = (spec: object) => create(persistentVolume, volume(spec)).errors

  it('keep the time of their phase until it changes', () => {
    const { object } = create(persistentVolume, volume({ hostPath: { path: '/a' } }))
    const before = (object.status as { lastPhaseTransitionTime?: string }).lastPhaseTransitionTime
    const report = (status: object) => update(persistentVolume, object, (now) => (now.status = status), 'status').object
    expect(report({ phase: 'Pending' }).status).toEqual({ phase: 'Pending', lastPhaseTransitionTime: before })
    const given = '2020-01-01T00:00:00Z'
    expect(report({ phase: 'Available', lastPhaseTransitionTime: given }).status).toMatchObject({
      lastPhaseTransitionTime: given,
    })
    expect(report({ phase: 'Available' }).status).toHaveProperty('lastPhaseTransitionTime')
  })
  it('have one source', () => {
    expect(errorsOf({})).toEqual(['spec: Required value: must specify a volume type'])
    const two = { hostPath: { path: '/a' }, nfs: { server: 'a', path: '/a' } }
    expect(errorsOf(two)).toEqual(['spec.nfs: Forbidden: may not specify more than 1 volume type'])
  })

  it('have some room', () => {
    expect(errorsOf({ hostPath: { path: '/a' }, capacity: { storage: '0' } })).toEqual([
      'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
    ])
  })

  it('on a local disk are reached from some nodes', () => {
    expect(errorsOf({ local: { path: '/a' } })).toEqual([
      'spec.nodeAffinity: Required value: Local volume requires node affinity',
    ])
  })
})

describe('resource quotas', () => {
  it('count by a scope what the scope knows', () => {
    const object = { ...meta(), spec: { hard: { services: '1' }, scopes: ['BestEffort'] } }
    expect(create(resourceQuota, object).errors).toEqual([
      'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ])
  })
})

describe('namespaces', () => {
  it('are born active, labelled by their name and held by the cluster', () => {
    const { object } = create(namespace, { metadata: { name: 'a' } })
    expect(object.metadata!.labels).toEqual({ 'kubernetes.io/metadata.name': 'a' })
    expect(object.spec).toEqual({ finalizers: ['kubernetes'] })
    expect(object.status).toEqual({ phase: 'Active' })
  })

  it('lose the finalizer through /finalize only', () => {
    const { object } = create(namespace, { metadata: { name: 'a' } })
    const drop = (changed: typeof object) => (changed.spec!.finalizers = [])
    expect(update(namespace, object, drop).object.spec!.finalizers).toEqual(['kubernetes'])
    expect(update(namespace, object, drop, 'finalize').object.spec!.finalizers).toEqual([])
  })

  it('are terminating once they are deleted, and held until finalized', () => {
    const { object } = create(namespace, { metadata: { name: 'a' } })
    namespace.strategy.markDeleted!(object)
    expect(object.status!.phase).toBe('Terminating')
    expect(namespace.strategy.isHeld!(object)).toBe(true)
  })
})

describe('nodes', () => {
  const worker = () =>
    create(node, { metadata: { name: 'n' }, spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } }).object
  it('keep their range of addresses', () => {
    const { errors } = update(node, worker(), ({ spec }) =>
      Object.assign(spec!, { podCIDR: '10.9.0.0/24', podCIDRs: ['10.9.0.0/24'] }),
    )
    expect(errors).toEqual(['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'])
  })
  it('never change the ranges they once had, and say so for each', () => {
    const { object } = create(node, { metadata: { name: 'n' }, spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } })
    const { errors } = update(node, object, ({ spec }) =>
      Object.assign(spec!, { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.1.0/24', 'fd01::/64'] }),
    )
    const text = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    expect(errors).toEqual([text, text])
  })

  it('hold taints of old in an annotation', () => {
    const taints = JSON.stringify([{ key: '', effect: 'NoSchedule' }])
    const annotations = { 'scheduler.alpha.kubernetes.io/taints': taints }
    const { errors } = create(node, { metadata: { name: 'n', annotations } })
    expect(errors[0]).toContain('metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].key: Invalid value')
  })

  it('take no configuration from the cluster any more', () => {
    const configSource = { configMap: { name: 'a' } }
    const old = { metadata: { name: 'n' }, spec: { configSource }, status: { config: { error: 'a' } } } as object
    const { object, errors } = create(node, structuredClone(old) as Node)
    expect({ ...object, errors }).toMatchObject({ spec: {}, status: {}, errors: [] })
    expect(object.spec).not.toHaveProperty('configSource')
    expect(object.status).not.toHaveProperty('config')
    expect(update(node, old as Node, () => {}).object.spec).toHaveProperty('configSource')
  })
  it('declare what they can do in order, once each', () => {
    const declaring = (...declaredFeatures: string[]) =>
      create(node, { metadata: { name: 'n' }, status: { declaredFeatures } } as object as Node).errors
    expect(declaring('A', 'B/c')).toEqual([])
    expect(declaring('B', 'A', 'A', 'b').map((text) => text.split(': ').slice(0, 2).join(': '))).toEqual([
      'status.declaredFeatures[1]: Invalid value',
      'status.declaredFeatures[2]: Duplicate value',
      'status.declaredFeatures[3]: Invalid value',
    ])
  })
  it('have some swap where they tell of it', () => {
    const status = { nodeInfo: { swap: { capacity: 0 } } }
    expect(create(node, { metadata: { name: 'n' }, status } as object as Node).errors).toEqual([
      'metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero',
    ])
  })

  it('may be cordoned', () => {
    expect(update(node, worker(), (changed) => (changed.spec!.unschedulable = true)).errors).toEqual([])
  })
})

describe('claims', () => {
  const claim = () =>
    create(persistentVolumeClaim, {
      ...meta(),
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }).object
  it('start pending, as file systems', () => {
    expect(claim()).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } })
  })
  it('take nothing from other namespaces', () => {
    const dataSourceRef = { kind: 'PersistentVolumeClaim', name: 'y', namespace: 'b' }
    const { object, errors } = create(persistentVolumeClaim, {
      ...meta(),
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, dataSourceRef },
    })
    expect([errors, object.spec!.dataSourceRef]).toEqual([[], undefined])
  })
  it('never change before they are bound', () => {
    const { errors } = update(
      persistentVolumeClaim,
      claim(),
      (changed) => (changed.spec!.resources!.requests!.storage = '2Gi'),
    )
    expect(errors[0]).toMatch(/^spec: Forbidden: spec is immutable after creation except/)
  })
})

it('limit ranges take what is most as the default', () => {
  const limits = [{ type: 'Container', max: { cpu: '2' }, min: { cpu: '1' } }]
  expect(create(limitRange, { ...meta(), spec: { limits } }).object.spec!.limits![0]).toEqual({
    type: 'Container',
    max: { cpu: '2' },
    min: { cpu: '1' },
    default: { cpu: '2' },
    defaultRequest: { cpu: '2' },
  })
})

it('events of both groups are one', () => {
  const convert = newEvent.convert!
  const core = {
    apiVersion: 'v1',
    kind: 'Event',
    ...meta(),
    involvedObject: { kind: 'Pod' },
    message: 'm',
    source: { component: 'c' },
  }
  const shown = convert.fromStorage(core)
  expect(shown).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    regarding: { kind: 'Pod' },
    note: 'm',
    deprecatedSource: { component: 'c' },
  })
  expect(convert.toStorage(shown)).toEqual(core)
  expect(event.timeToLive).toBe(newEvent.timeToLive)
})
