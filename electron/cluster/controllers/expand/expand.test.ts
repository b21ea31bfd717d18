import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { volume, volumeClaim } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { expandController } from './controller.ts'

const key = { namespace: 'default', name: 'c' }
const claim = (storage: string) =>
  volumeClaim('c', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, volumeName: 'v' },
    status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
  })
const bound = (provisioner: string, source: object = { local: { path: '/v' } }) =>
  volume('v', {
    metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { namespace: 'default', name: 'c', uid: 'c-uid' },
      ...source,
    },
    status: { phase: 'Bound' },
  })
const own = () => bound('wheelhouse.dev/host-directory')
const start = (...objects: KubeObject[]) => harness((parts) => [expandController(parts)], objects)

it('grows the volume, then the claim, and leaves no sign of work behind', async () => {
  await using h = await start(own(), claim('3Gi'))
  await h.run(10)
  expect(h.client.find(persistentVolumes, { name: 'v' })?.spec?.capacity).toEqual({ storage: '3Gi' })
  expect(h.client.find(persistentVolumeClaims, key)?.status).toEqual({
    phase: 'Bound',
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '3Gi' },
    allocatedResources: { storage: '3Gi' },
    conditions: [],
  })
  expect(h.events()).toEqual([
    'Resizing: External resizer is resizing volume v',
    'VolumeResizeSuccessful: Resize volume succeeded',
  ])
  expect(h.client.writes('update')[0]?.body).toMatchObject({
    status: {
      conditions: [{ type: 'Resizing', status: 'True' }],
      allocatedResources: { storage: '3Gi' },
      allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' },
    },
  })
})

it.each([
  ['Normal', bound('disks.example.com', { csi: { driver: 'disks.example.com', volumeHandle: 'x' } })],
  ['Warning', bound('example.com/disks')],
])('leaves volumes of other drivers to their resizers: %s', async (type, object) => {
  await using h = await start(object, claim('3Gi'))
  await h.run(10)
  expect(h.events()).toEqual(['ExternalExpanding: waiting for an external controller to expand this PVC'])
  const [told] = h.client.writes('create')
  expect(told?.body).toMatchObject({ type })
  expect(h.client.writes('update')).toEqual([])
})

it('does nothing for a claim that has what it asks for, or whose volume is another claim’s', async () => {
  const other = own()
  other.spec!.claimRef!.uid = 'another'
  await using h = await start(own(), claim('1024Mi'))
  await using i = await start(other, claim('3Gi'))
  await h.run(10)
  await i.run(10)
  expect([h.client.writes(), i.client.writes()]).toEqual([[], []])
})

it('comes to the same end though the process dies after every write', async () => {
  const { writes } = await withRestarts(
    (parts) => [expandController(parts)],
    [own(), claim('3Gi')],
    () => false,
  )
  expect(writes).toEqual([
    'update persistentvolumeclaims default/c',
    'update persistentvolumes v',
    'update persistentvolumeclaims default/c',
  ])
})
