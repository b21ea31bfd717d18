import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods } from '#shared/kube/resources.ts'
import { pod, volumeClaim } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { claimProtectionController } from './controller.ts'

const finalizer = 'kubernetes.io/pvc-protection'
const going = (metadata: object = {}) =>
  volumeClaim('c', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [finalizer], ...metadata } })
const user = (spec: object = { nodeName: 'n' }, metadata: Pod['metadata'] = {}): Pod =>
  pod('web', {
    metadata,
    spec: { containers: [], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }], ...spec },
  })
const start = (...objects: KubeObject[]) => harness((parts) => [claimProtectionController(parts)], objects)
const isThere = (h: Harness) => h.client.find(persistentVolumeClaims, { namespace: 'default', name: 'c' }) !== undefined

it('lets a claim go when the last pod that used it is gone', async () => {
  await using h = await start(going(), user())
  await h.run(10)
  expect(isThere(h)).toBe(true)
  h.client.remove(pods, { namespace: 'default', name: 'web' })
  await h.run(10)
  expect(isThere(h)).toBe(false)
})

it('does not hold a claim for a pod without a node, which will not be started', async () => {
  await using h = await start(going(), user({}))
  await h.run(10)
  expect(isThere(h)).toBe(false)
})

it('holds a claim for a pod that has ended but is still there', async () => {
  const ended: Pod = { ...user(), status: { phase: 'Succeeded' } }
  await using h = await start(going(), ended)
  await h.run(10)
  expect(isThere(h)).toBe(true)
})

it('asks the server before it believes that nobody uses a claim', async () => {
  await using h = await start()
  h.client.react('list', 'pods', () => ({ metadata: {}, items: [user()] }))
  h.client.seed(going())
  await h.run(10)
  expect(isThere(h)).toBe(true)
})

it('holds the claim of an ephemeral volume for its own pod, until that is shut down', async () => {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true }]
  const spec = { nodeName: 'n', containers: [], volumes: [{ name: 'data', ephemeral: {} }] }
  const made = (owners: object[]): KubeObject => {
    const { metadata, ...rest } = going({ ownerReferences: owners })
    return { ...rest, metadata: { ...metadata, name: 'web-data' } }
  }
  const stays = async (...objects: KubeObject[]) => {
    await using h = await start(...objects)
    await h.run(10)
    return h.client.stored(persistentVolumeClaims).length === 1
  }
  const ended = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0, finalizers: ['x/y'] }
  expect(await stays(made(ownerReferences), user(spec))).toBe(true)
  expect(await stays(made([]), user(spec))).toBe(false)
  expect(await stays(made(ownerReferences), user(spec, ended))).toBe(false)
})

it('protects claims that nobody has protected yet', async () => {
  await using h = await start(volumeClaim('c'))
  await h.run(10)
  expect(h.client.stored(persistentVolumeClaims)[0]?.metadata?.finalizers).toEqual([finalizer])
})
