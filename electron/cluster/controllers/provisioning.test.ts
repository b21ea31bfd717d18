import type { Node, PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { nodes, persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { persistentVolumeController } from './persistent-volume/controller.ts'
import { volumeProtectionController } from './pv-protection/controller.ts'
import { claimProtectionController } from './pvc-protection/controller.ts'
import { node, storageClass, volumeClaim } from './framework/testing/builders.ts'
import { harness, type Harness } from './framework/testing/harness.ts'
import { withRestarts } from './framework/testing/restarts.ts'
import { hostDirectoryProvisioner } from './host-directory/controller.ts'

const ready: Node['status'] = { conditions: [{ type: 'Ready', status: 'True' }] }
const real = (name: string): Node =>
  node(name, {
    metadata: {
      labels: { 'kubernetes.io/hostname': name },
      annotations: { 'wheelhouse.dev/volumes-directory': `/nodes/${name}/volumes` },
    },
    status: ready!,
  })
const simulated = (name: string): Node =>
  node(name, { metadata: { labels: { 'kubernetes.io/hostname': name } }, status: ready! })
const standard = (volumeBindingMode = 'WaitForFirstConsumer', more: object = {}) =>
  storageClass('standard', { provisioner: 'wheelhouse.dev/host-directory', volumeBindingMode, ...more })
const claim = (selected?: string, spec: Partial<PersistentVolumeClaim['spec']> = {}) =>
  volumeClaim('c', {
    metadata: {
      finalizers: ['kubernetes.io/pvc-protection'],
      ...(selected ? { annotations: { 'volume.kubernetes.io/selected-node': selected } } : {}),
    },
    spec: { ...volumeClaim('c').spec, storageClassName: 'standard', ...spec },
  })

type Parts = Parameters<Parameters<typeof harness>[0]>[0]
/** The whole chain, but for the agent. */
const chain = (parts: Parts) => [
  persistentVolumeController(parts),
  hostDirectoryProvisioner(parts),
  volumeProtectionController(parts),
  claimProtectionController(parts),
]
const start = (...objects: KubeObject[]) => harness(chain, objects)
const only = (h: Harness): PersistentVolume | undefined => h.client.stored(persistentVolumes)[0]
const key = { namespace: 'default', name: 'c' }

describe('a claim that waits for its first consumer', () => {
  it('gets a volume on the node that the scheduler has chosen, and is bound to it', async () => {
    await using h = await start(standard(), real('a'), real('b'), claim())
    await h.run(10)
    expect(only(h)).toBeUndefined()
    h.client.change(persistentVolumeClaims, key, ({ metadata }) => {
      metadata!.annotations = { 'volume.kubernetes.io/selected-node': 'b' }
    })
    await h.run(10)
    expect(only(h)).toMatchObject({
      metadata: {
        name: 'pvc-c-uid',
        annotations: { 'pv.kubernetes.io/provisioned-by': 'wheelhouse.dev/host-directory' },
        finalizers: ['wheelhouse.dev/host-directory', 'kubernetes.io/pv-protection'],
      },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'standard',
        local: { path: '/nodes/b/volumes/pvc-c-uid' },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['b'] }] },
            ],
          },
        },
      },
      status: { phase: 'Bound' },
    })
    expect(h.client.find(persistentVolumeClaims, key)?.status?.phase).toBe('Bound')
    expect(h.events()).toEqual(
      expect.arrayContaining([
        'Provisioning: External provisioner is provisioning volume for claim "default/c"',
        'ProvisioningSucceeded: Successfully provisioned volume pvc-c-uid',
      ]),
    )
  })

  it('has the scheduler choose again when the node is gone', async () => {
    await using h = await start(standard(), real('a'), claim('gone'))
    await h.run(10)
    expect(only(h)).toBeUndefined()
    expect(h.client.find(persistentVolumeClaims, key)?.metadata?.annotations).not.toHaveProperty(
      'volume.kubernetes.io/selected-node',
    )
    expect(h.events()).toContain(
      'ProvisioningFailed: failed to provision volume with StorageClass "standard": failed to get target node: node "gone" not found',
    )
  })

  it('is not sent away from a node that the cache alone does not know', async () => {
    await using h = await start(standard())
    h.client.react('get', 'nodes', () => real('new'))
    h.client.seed(claim('new'))
    await h.run(10)
    expect(only(h)?.spec?.local?.path).toBe('/nodes/new/volumes/pvc-c-uid')
  })
})

describe('a claim that waits for nobody', () => {
  it('gets its volume on a ready node, a real one first, with the fewest volumes', async () => {
    const claims = ['c', 'd', 'e'].map((name) => ({ ...claim(), metadata: { ...claim().metadata, name, uid: name } }))
    await using h = await start(standard('Immediate'), simulated('0'), real('a'), real('b'), ...claims)
    await h.run(100)
    const places = h.client.stored(persistentVolumes).map(({ spec }) => spec?.local?.path.split('/')[2])
    expect(places.filter((place) => place === 'a')).toHaveLength(2)
    expect(places.filter((place) => place === 'b')).toHaveLength(1)
  })

  it('is held where its class says so, and told when no node will do', async () => {
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['b'] }] }]
    await using h = await start(standard('Immediate', { allowedTopologies }), real('a'), claim())
    await h.run(10)
    expect(h.events()).toContain(
      'ProvisioningFailed: failed to provision volume with StorageClass "standard": no node is ready to hold a volume',
    )
    h.client.seed(real('b'))
    await h.run(10)
    expect(only(h)?.spec?.local?.path).toBe('/nodes/b/volumes/pvc-c-uid')
  })
})

it.each([
  [{ selector: { matchLabels: { a: 'b' } } }, {}, 'claim Selector is not supported'],
  [{ volumeMode: 'Block' }, {}, 'block volumes are not supported'],
  [{ dataSource: { kind: 'PersistentVolumeClaim', name: 'x' } }, {}, 'volumes with a data source are not supported'],
  [{}, { mountOptions: ['ro'] }, 'StorageClass "standard" has mount options [ro]'],
])('refuses what a directory cannot do: %o %o', async (spec, more, why) => {
  await using h = await start(standard('WaitForFirstConsumer', more), real('a'), claim('a', spec))
  await h.run(10)
  expect(only(h)).toBeUndefined()
  expect(h.events().join()).toContain(why)
})

it('leaves claims of other provisioners alone', async () => {
  const other = storageClass('standard', { provisioner: 'example.com/disks' })
  await using h = await start(other, real('a'), claim('a'))
  await h.run(10)
  expect(only(h)).toBeUndefined()
})

describe('a volume whose claim is deleted', () => {
  const bound = async (place: Node, more: object = {}) => {
    const h = await start(standard('WaitForFirstConsumer', more), place, claim(place.metadata!.name))
    await h.run(10)
    expect(only(h)?.status?.phase).toBe('Bound')
    await h.client.delete(persistentVolumeClaims, key)
    await h.run(10)
    return h
  }

  it('waits for the agent of its node to remove the directory', async () => {
    await using h = await bound(real('a'))
    expect(only(h)?.status?.phase).toBe('Released')
    expect(only(h)?.metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      finalizers: ['wheelhouse.dev/host-directory'],
    })
  })

  it('is gone at once where there is no directory', async () => {
    await using h = await bound(simulated('s'))
    expect(h.client.stored(persistentVolumes)).toEqual([])
  })

  it('is gone with its node', async () => {
    await using h = await bound(real('a'))
    h.client.remove(nodes, { name: 'a' })
    await h.run(10)
    expect(h.client.stored(persistentVolumes)).toEqual([])
  })

  it('stays when it is to be retained, and then goes without its directory', async () => {
    await using h = await bound(real('a'), { reclaimPolicy: 'Retain' })
    expect(only(h)?.status?.phase).toBe('Released')
    expect(only(h)?.metadata?.deletionTimestamp).toBeUndefined()
    await h.client.delete(persistentVolumes, { name: 'pvc-c-uid' })
    await h.run(10)
    expect(h.client.stored(persistentVolumes)).toEqual([])
  })
})

it('makes one volume and deletes it once though the process dies after every write', async () => {
  let deleted = false
  const { writes, last } = await withRestarts(chain, [standard(), simulated('s'), claim('s')], (h) => {
    if (deleted || h.client.find(persistentVolumeClaims, key)?.status?.phase !== 'Bound') return false
    h.client.change(persistentVolumeClaims, key, ({ metadata }) =>
      Object.assign(metadata!, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    )
    return (deleted = true)
  })
  const count = (text: string) => writes.filter((write) => write.startsWith(text)).length
  expect([count('create persistentvolumes'), count('delete persistentvolumes')]).toEqual([1, 1])
  expect([last.client.stored(persistentVolumes), last.client.stored(persistentVolumeClaims)]).toEqual([[], []])
})
