import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods } from '#shared/kube/resources.ts'
import { pod, volumeClaim } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { ephemeralVolumeController } from './controller.ts'

const controllers = (parts: Pick<Harness, 'informers'>) => [ephemeralVolumeController(parts)]
const start = (...objects: KubeObject[]) => harness(controllers, objects)
const template = {
  metadata: { labels: { app: 'web' }, annotations: { why: 'scratch' } },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } },
}
const scratch = (name: string, ...volumes: string[]): Pod =>
  pod(name, {
    spec: {
      containers: [],
      volumes: [
        { name: 'plain', emptyDir: {} },
        ...volumes.map((volume) => ({ name: volume, ephemeral: { volumeClaimTemplate: template } })),
      ] as never,
    },
  })
const claims = (h: Harness) => h.client.stored(persistentVolumeClaims)
const key = (name: string) => ({ namespace: 'default', name })

it('makes a claim for each ephemeral volume, named after pod and volume and owned by the pod', async () => {
  await using h = await start(scratch('a', 'x', 'y'))
  expect(claims(h).map(({ metadata }) => metadata?.name)).toEqual(['a-x', 'a-y'])
  expect(claims(h)[0]).toMatchObject({
    metadata: {
      ...template.metadata,
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'a-uid', controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: template.spec,
  })
})

it('makes it anew when somebody deletes it, and not for a pod that is being deleted', async () => {
  await using h = await start(scratch('a', 'x'))
  h.client.remove(persistentVolumeClaims, key('a-x'))
  await h.run()
  expect(claims(h)).toHaveLength(1)
  h.client.change(pods, key('a'), (p) => Object.assign(p.metadata!, { deletionTimestamp: '2026-01-01T00:00:00Z' }))
  h.client.remove(persistentVolumeClaims, key('a-x'))
  await h.run(60_000)
  expect(claims(h)).toEqual([])
})

it('tells of a claim of that name that is not the pod’s, leaves it alone, and goes on when it is gone', async () => {
  await using h = await start(volumeClaim('a-x', { metadata: { uid: 'foreign' } }), scratch('a', 'x'))
  expect(h.events()).toEqual([
    'FailedBinding: ephemeral volume x: PVC default/a-x was not created for pod default/a (pod is not owner)',
  ])
  expect(claims(h)[0]?.metadata?.uid).toBe('foreign')
  h.client.remove(persistentVolumeClaims, key('a-x'))
  await h.run(10)
  expect(claims(h)[0]?.metadata?.ownerReferences?.[0]?.uid).toBe('a-uid')
})

it('takes the claim of an earlier pod of the same name for a conflict', async () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'an earlier one', controller: true }
  await using h = await start(volumeClaim('a-x', { metadata: { ownerReferences: [owner] } }), scratch('a', 'x'))
  expect(h.events()[0]).toContain('(pod is not owner)')
})

it('tells why a claim could not be made, and tries again', async () => {
  await using h = await start()
  const end = h.client.react('create', 'persistentvolumeclaims', () => {
    throw new Error('no room')
  })
  h.client.seed(scratch('a', 'x'))
  await h.run(1)
  expect(h.events()[0]).toContain('FailedBinding: ephemeral volume x: create PVC a-x: ')
  end()
  await h.run(1000)
  expect(claims(h)).toHaveLength(1)
})

it('makes each claim once, however often it dies', async () => {
  const { writes } = await withRestarts(controllers, [scratch('a', 'x', 'y')], () => false)
  expect(writes).toEqual(['create persistentvolumeclaims default/a-x', 'create persistentvolumeclaims default/a-y'])
})
