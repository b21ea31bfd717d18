import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import type { CSINode, StorageClass } from 'kubernetes-types/storage/v1'
import { describe, expect, it } from 'vitest'
import { node, pod, World } from '../testing.ts'

const zoneKey = 'topology.kubernetes.io/zone'

const claim = (name: string, spec: object = {}, bound = true): PersistentVolumeClaim => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    ...(bound ? { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } } : {}),
  },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  status: { phase: bound ? 'Bound' : 'Pending' },
})
const volume = (name: string, spec: object = {}, labels: Record<string, string> = {}): PersistentVolume => ({
  metadata: { name, labels },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...spec },
  status: { phase: 'Available' },
})
const onNode = (...names: string[]) => ({
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: names }] }],
    },
  },
})
const storageClass = (name: string, more = {}): StorageClass => ({
  metadata: { name },
  provisioner: 'example.com/disk',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
})

interface Storage {
  claims?: PersistentVolumeClaim[]
  volumes?: PersistentVolume[]
  classes?: StorageClass[]
  csiNodes?: CSINode[]
}

function worldWith(storage: Storage, nodes = [node('a'), node('b')]): World {
  const named = <T extends { metadata?: { name?: string } }>(list: T[] | undefined, name: string) =>
    list?.find(({ metadata }) => metadata?.name === name)
  return new World({
    nodes,
    surroundings: {
      claim: (_, name) => named(storage.claims, name),
      volume: (name) => named(storage.volumes, name),
      volumes: (name) => (storage.volumes ?? []).filter(({ spec }) => (spec?.storageClassName ?? '') === name),
      storageClass: (name) => named(storage.classes, name),
      csiNode: (name) => named(storage.csiNodes as never, name),
    },
  })
}
const using = (name: string, ...claims: string[]) =>
  pod(name, {
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
  })

describe('claims', () => {
  it.each([
    ['that are missing', {}, 'persistentvolumeclaim "data" not found'],
    [
      'that nobody has bound yet',
      { claims: [claim('data', {}, false)] },
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'that are being deleted',
      {
        claims: [
          { ...claim('data'), metadata: { ...claim('data').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
        ],
      },
      'persistentvolumeclaim "data" is being deleted',
    ],
  ])('%s keep a pod from every node, in upstream’s words', (_, storage: Storage, reason) => {
    expect(worldWith(storage).outcome(using('p', 'data'))).toBe(`0/2 nodes are available: ${reason}. not found`)
  })

  it('of ephemeral volumes are waited for under the name of the pod', () => {
    const ephemeral = pod('p', { volumes: [{ name: 'scratch', ephemeral: {} }] })
    expect(worldWith({}).outcome(ephemeral)).toContain(
      'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch".',
    )
  })

  it('that are bound lead the pod to where their volume is', () => {
    const bound = { claims: [claim('data', { volumeName: 'v' })], volumes: [volume('v', onNode('b'))] }
    expect(worldWith(bound).outcome(using('p', 'data'))).toBe('b')
    const nowhere = { ...bound, volumes: [volume('v', onNode('gone'))] }
    expect(worldWith(nowhere).outcome(using('p', 'data'))).toContain(
      "2 node(s) didn't match PersistentVolume's node affinity",
    )
  })

  it('that wait for their consumer find a volume on a node, or a class that makes one there', () => {
    const waiting = [claim('data', { storageClassName: 'local' }, false)]
    const byHand = [storageClass('local', { provisioner: 'kubernetes.io/no-provisioner' })]
    const local = volume('v', { storageClassName: 'local', ...onNode('b') })
    expect(worldWith({ claims: waiting, classes: byHand, volumes: [local] }).outcome(using('p', 'data'))).toBe('b')
    expect(worldWith({ claims: waiting, classes: byHand }).outcome(using('p', 'data'))).toContain(
      "2 node(s) didn't find available persistent volumes to bind",
    )
    const zoned = [node('a', { labels: { [zoneKey]: 'x' } }), node('b', { labels: { [zoneKey]: 'y' } })]
    const inZone = storageClass('local', {
      allowedTopologies: [{ matchLabelExpressions: [{ key: zoneKey, values: ['y'] }] }],
    })
    expect(worldWith({ claims: waiting, classes: [inZone] }, zoned).outcome(using('p', 'data'))).toBe('b')
  })

  it('do not share a volume that is being bound to another one', () => {
    const storage = {
      claims: [claim('data', { storageClassName: 'local' }, false)],
      classes: [storageClass('local', { provisioner: 'kubernetes.io/no-provisioner' })],
      volumes: [volume('v', { storageClassName: 'local' })],
    }
    const world = worldWith(storage)
    world.state.reservedVolumes.set('v', 'default/other')
    expect(world.decide(using('p', 'data')).placed).toBe(false)
    world.state.reservedVolumes.set('v', 'default/data')
    expect(world.decide(using('p', 'data')).placed).toBe(true)
  })

  it('for one pod only are taken by the first that has one', () => {
    const storage = {
      claims: [claim('data', { volumeName: 'v', accessModes: ['ReadWriteOncePod'] })],
      volumes: [volume('v')],
    }
    const world = worldWith(storage)
    expect(world.place(using('first', 'data'))).not.toBe('')
    expect(world.outcome(using('second', 'data'))).toContain(
      '2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
    )
  })
})

it('brings a pod to the zone of its volume', () => {
  const zoned = [node('a', { labels: { [zoneKey]: 'x' } }), node('b', { labels: { [zoneKey]: 'y' } })]
  const storage = { claims: [claim('data', { volumeName: 'v' })], volumes: [volume('v', {}, { [zoneKey]: 'y' })] }
  expect(worldWith(storage, zoned).outcome(using('p', 'data'))).toBe('b')
  expect(worldWith(storage, zoned.slice(0, 1)).outcome(using('p', 'data'))).toContain(
    '1 node(s) had no available volume zone',
  )
})

it('puts no more volumes of a driver on a node than it can attach, one counted once', () => {
  const csi = (handle: string) => ({ csi: { driver: 'example.com/disk', volumeHandle: handle } })
  const drivers = [{ name: 'example.com/disk', nodeID: 'a', allocatable: { count: 1 } }]
  const world = worldWith(
    {
      claims: [claim('one', { volumeName: 'v1' }), claim('two', { volumeName: 'v2' })],
      volumes: [volume('v1', csi('h1')), volume('v2', csi('h2'))],
      csiNodes: [{ metadata: { name: 'a' }, spec: { drivers } }],
    },
    [node('a')],
  )
  expect(world.place(using('first', 'one'))).toBe('a')
  expect(world.decide(using('again', 'one')).placed).toBe(true)
  expect(world.outcome(using('second', 'two'))).toContain('1 node(s) exceed max volume count')
})

it('gives a disk to one pod of a node, unless all only read it', () => {
  const disk = (name: string, readOnly: boolean) =>
    pod(name, { volumes: [{ name: 'd', gcePersistentDisk: { pdName: 'x', readOnly } }] })
  const running = [[disk('old', true), 'a']] as const
  const world = new World({ nodes: [node('a')], running })
  expect(world.decide(disk('reader', true)).placed).toBe(true)
  expect(world.outcome(disk('writer', false))).toContain('1 node(s) had no available disk')
})
