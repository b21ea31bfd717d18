import { expect, it } from 'vitest'
import type { DeviceTaint, DeviceToleration, ResourceSlice } from '#shared/kube/devices.ts'
import { resourceSlices } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { pod } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { deviceTaintEvictionController } from './controller.ts'

const group = 'resource.k8s.io/v1'
const slice = (taints: DeviceTaint[] = [], generation = 1): ResourceSlice => ({
  apiVersion: group,
  kind: 'ResourceSlice',
  metadata: { name: `s${generation}` },
  spec: { driver: 'd', pool: { name: 'n', generation, resourceSliceCount: 1 }, devices: [{ name: 'x', taints }] },
})
const claim = (tolerations: DeviceToleration[], uid = 'p-uid') => ({
  apiVersion: group,
  kind: 'ResourceClaim',
  metadata: { name: 'c', namespace: 'default', uid: 'c-uid' },
  status: {
    allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'n', device: 'x', tolerations }] } },
    reservedFor: [{ resource: 'pods', name: 'p', uid }],
  },
})
const user = (nodeName?: string) =>
  pod('p', {
    spec: {
      containers: [],
      resourceClaims: [{ name: 'c', resourceClaimName: 'c' }],
      ...(nodeName ? { nodeName } : {}),
    } as never,
  })
const start = (tolerations: DeviceToleration[] = [], first = slice(), uid?: string) =>
  harness((parts) => [deviceTaintEvictionController(parts)], [first, claim(tolerations, uid), user('n')])
const taint = (h: Harness, effect = 'NoExecute'): DeviceTaint => ({
  key: 'sick',
  effect,
  timeAdded: timestamp(h.clock.now()),
})
const set = (h: Harness, ...taints: DeviceTaint[]) =>
  h.client.change(resourceSlices, { name: 's1' }, (one: ResourceSlice) => (one.spec!.devices = [{ name: 'x', taints }]))
const deleted = (h: Harness) => h.client.writes('delete').map((action) => action.name)
const tolerating = (tolerationSeconds?: number): DeviceToleration => ({
  key: 'sick',
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
})

it('deletes a pod whose device got a taint that its claim does not tolerate, and says why', async () => {
  await using h = await start()
  set(h, taint(h))
  await h.run(10)
  expect(deleted(h)).toEqual(['p'])
  expect(h.client.writes('patch')[0]?.body).toMatchObject({
    status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByDeviceTaintManager' }] },
  })
  expect(h.events()).toEqual(['DeviceTaintManagerEviction: Marking for deletion'])
})

it('waits as long as the claim tolerates, from when the taint was added', async () => {
  await using h = await start([tolerating(60)])
  set(h, taint(h))
  await h.run(59_000)
  expect(deleted(h)).toEqual([])
  await h.run(2000)
  expect(deleted(h)).toEqual(['p'])
})

it('spares a pod whose device is well again in time, and says so', async () => {
  await using h = await start([tolerating(60)])
  set(h, taint(h))
  await h.run(30_000)
  set(h)
  await h.run(100_000)
  expect(deleted(h)).toEqual([])
  expect(h.events()).toEqual(['DeviceTaintManagerEviction: Cancelling deletion'])
})

it('never evicts for a taint that is tolerated for ever, or that only keeps new pods away', async () => {
  await using h = await start([tolerating()])
  set(h, taint(h), { ...taint(h, 'NoSchedule'), key: 'other' })
  await h.run(3_600_000)
  expect(deleted(h)).toEqual([])
})

it('goes by the newest generation of a pool', async () => {
  await using h = await start()
  h.client.seed(slice([], 2))
  await h.run(10)
  set(h, taint(h))
  await h.run(10)
  expect(deleted(h)).toEqual([])
})

it('leaves a pod alone for which the claim is not reserved', async () => {
  await using h = await start([], slice(), 'another')
  set(h, taint(h))
  await h.run(10)
  expect(deleted(h)).toEqual([])
})
