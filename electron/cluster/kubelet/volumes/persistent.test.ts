import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { pod } from '../testing/builders.ts'
import { giveToGroup } from './fs-group.ts'
import { startHostDirectories } from './host-directories.ts'
import { VolumeManager, type VolumeManagerDeps } from './volume-manager.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'persistent-test-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const isThere = (...parts: string[]) =>
  stat(path.join(directory, ...parts)).then(
    () => true,
    () => false,
  )

const volume = (name: string, spec: object, metadata: object = {}): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, ...metadata },
  spec: {
    claimRef: { namespace: 'shop', name: 'data', uid: 'data-uid' },
    persistentVolumeReclaimPolicy: 'Delete',
    ...spec,
  },
})
const made = { annotations: { 'pv.kubernetes.io/provisioned-by': 'wheelhouse.dev/host-directory' } }
const bound = (more: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'shop', uid: 'data-uid' },
  spec: { accessModes: ['ReadWriteOnce'], volumeName: 'v' },
  status: { phase: 'Bound' },
  ...more,
})

const on = (hostname: string) => ({
  local: { path: '/etc' },
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] }] },
      ],
    },
  },
})

describe('a claim of a pod', () => {
  const manager = (...objects: (PersistentVolume | PersistentVolumeClaim)[]) => {
    const client = new FakeClient({ clock: new FakeClock(), objects })
    const volumes = new VolumeManager({
      client,
      references: {} as VolumeManagerDeps['references'],
      tokens: { forget: () => {} } as unknown as VolumeManagerDeps['tokens'],
      podDirectory: (uid) => path.join(directory, 'pods', uid),
      volumesDirectory: path.join(directory, 'volumes'),
      allocatable: () => ({}),
      node: () => ({ metadata: { name: 'n', labels: { 'kubernetes.io/hostname': 'n' } } }),
    })
    return { client, volumes }
  }
  const addresses = { podIp: '10.244.0.5', hostIp: '127.0.0.1' }
  const user = (claim: object = { claimName: 'data' }, more: object = {}) =>
    pod({ spec: { volumes: [{ name: 'files', persistentVolumeClaim: claim as { claimName: string } }], ...more } })

  it('is the directory of its volume, made when it is first mounted, wherever the volume says it was', async () => {
    const { volumes } = manager(volume('v', { local: { path: '/elsewhere/v' } }, made), bound())
    const mounted = await volumes.mount(user(), addresses)
    expect(mounted.paths.get('files')).toEqual({ path: path.join(directory, 'volumes', 'v'), readOnly: false })
    expect((await stat(path.join(directory, 'volumes', 'v'))).mode & 0o777).toBe(0o777)
  })

  it('outlives the pod', async () => {
    const { volumes } = manager(volume('v', { local: { path: '/v' } }, made), bound())
    await volumes.mount(user(), addresses)
    await writeFile(path.join(directory, 'volumes', 'v', 'file'), 'kept')
    await volumes.remove(user())
    expect(await isThere('volumes', 'v', 'file')).toBe(true)
  })

  it('may be read-only', async () => {
    const { volumes } = manager(volume('v', { local: { path: '/v' } }, made), bound())
    const mounted = await volumes.mount(user({ claimName: 'data', readOnly: true }), addresses)
    expect(mounted.paths.get('files')?.readOnly).toBe(true)
  })

  const unprocessed = (why: string) =>
    `Unable to attach or mount volumes: unmounted volumes=[files], unattached volumes=[], failed to process volumes=[files]: error processing PVC shop/data: ${why}`
  it.each([
    ['is not there', [], 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'],
    ['is not bound', [bound({ status: { phase: 'Pending' } })], 'PVC is not bound'],
    [
      'is being deleted',
      [
        bound({
          metadata: { name: 'data', namespace: 'shop', uid: 'data-uid', deletionTimestamp: '2026-01-01T00:00:00Z' },
        }),
      ],
      'PVC is being deleted',
    ],
    ['has lost its volume', [bound()], 'failed to fetch PV v from API server: persistentvolumes "v" not found'],
    [
      'has the volume of another',
      [bound(), volume('v', { claimRef: { uid: 'other' } })],
      'found PV object v but its pv.Spec.ClaimRef.UID other does not point to claim.UID data-uid',
    ],
  ])('keeps the pod waiting while it %s', async (_, objects, why) => {
    const { volumes } = manager(...objects)
    expect((await volumes.mount(user(), addresses)).failures).toEqual([unprocessed(why)])
  })

  it('keeps the pod waiting while the path of a local volume is not there, and makes none', async () => {
    const missing = path.join(directory, 'missing')
    const { volumes } = manager(volume('v', { local: { path: missing } }), bound())
    expect((await volumes.mount(user(), addresses)).failures).toEqual([
      `MountVolume.NewMounter initialization failed for volume "v" : path "${missing}" does not exist`,
    ])
    expect(await isThere('missing')).toBe(false)
  })

  it('is not made on a node that its volume does not belong to', async () => {
    const { volumes } = manager(volume('v', on('m'), made), bound())
    expect((await volumes.mount(user(), addresses)).failures).toEqual([
      'MountVolume.NodeAffinity check failed for volume "v" : no matching NodeSelectorTerms',
    ])
    expect(await isThere('volumes')).toBe(false)
  })

  it('is not taken from a running pod when it is deleted', async () => {
    const { client, volumes } = manager(volume('v', { local: { path: '/v' } }, made), bound())
    await volumes.mount(user(), addresses)
    client.change(persistentVolumeClaims, { namespace: 'shop', name: 'data' }, ({ metadata }) => {
      const finalizers = ['kubernetes.io/pvc-protection']
      Object.assign(metadata!, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers })
    })
    expect((await volumes.mount(user(), addresses)).failures).toEqual([])
  })

  it('of a block device is not mounted as a file system', async () => {
    const { volumes } = manager(volume('v', { local: { path: '/v' }, volumeMode: 'Block' }), bound())
    const containers = [{ name: 'web', image: 'i', volumeMounts: [{ name: 'files', mountPath: '/files' }] }]
    expect((await volumes.mount(user(undefined, { containers }), addresses)).failures).toEqual([
      unprocessed('volume files has volumeMode Block, but is specified in volumeMounts'),
    ])
  })
})

it.runIf(process.getuid?.() === 0)('gives a volume and all in it to the group of the pod', async () => {
  await mkdir(path.join(directory, 'sub'), { mode: 0o700 })
  await writeFile(path.join(directory, 'sub', 'file'), '', { mode: 0o600 })
  await symlink('/etc/hostname', path.join(directory, 'link'))
  const before = await stat('/etc/hostname')
  await giveToGroup(directory, 4321, 'Always')
  const modes = async (...parts: string[]) => {
    const { gid, mode } = await stat(path.join(directory, ...parts))
    return `${gid} ${(mode & 0o7777).toString(8)}`
  }
  expect([await modes('sub'), await modes('sub', 'file')]).toEqual(['4321 2770', '4321 660'])
  expect((await stat('/etc/hostname')).gid).toBe(before.gid)
  // What is right at the top is not walked through again.
  await chmod(path.join(directory, 'sub', 'file'), 0o600)
  await giveToGroup(directory, 4321, 'OnRootMismatch')
  expect(await modes('sub', 'file')).toBe('4321 600')
})

describe('the directory of a deleted volume', () => {
  const finalizer = 'wheelhouse.dev/host-directory'
  const going = (finalizers = [finalizer], spec: object = on('n')) =>
    volume('v', spec, { ...made, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers })

  /** Whether the directory is there after all, and what has become of the volume. */
  async function afterwards(object: PersistentVolume, goes: boolean, prepare: (client: FakeClient) => void = () => {}) {
    await mkdir(path.join(directory, 'v'))
    await writeFile(path.join(directory, 'v', 'file'), '')
    const clock = new FakeClock()
    const random = seededRandom(1)
    const client = new FakeClient({ clock, random, objects: [object] })
    prepare(client)
    const parts = { client, clock, random, logger: silentLogger, directories: new Map([['n', directory]]) }
    await using _keeper = startHostDirectories(parts)
    const isGone = () => client.find(persistentVolumes, { name: 'v' }) === undefined
    // The disk takes its own time, under load more than any number of turns.
    for (let i = 0; goes ? !isGone() : i < 20; i++) {
      await clock.advance(10)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return [await isThere('v'), !isGone()]
  }

  it('is removed, and then the volume with it', async () => {
    expect(await afterwards(going(), true)).toEqual([false, false])
  })

  it.each([
    ['a claim may be bound to it', going([finalizer, 'kubernetes.io/pv-protection'])],
    ['it is to be retained', going([finalizer], { ...on('n'), persistentVolumeReclaimPolicy: 'Retain' })],
    ['it is another node’s', going([finalizer], on('m'))],
    ['it is not ours', going(['example.com/x'])],
    ['it is not being deleted', volume('v', on('n'), { ...made, finalizers: [finalizer] })],
  ])('stays while %s', async (_, object) => {
    expect(await afterwards(object, false)).toEqual([true, true])
  })

  it('is no obstacle when it was removed before but the API was not told', async () => {
    let failures = 2
    const flaky = (client: FakeClient) =>
      client.react('update', 'persistentvolumes', () => {
        if (failures-- > 0) throw new Error('connection lost')
      })
    expect(await afterwards(going(), true, flaky)).toEqual([false, false])
  })
})
