import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods, replicationControllers } from '#shared/kube/resources.ts'
import { pod, readyStatus, replicationController } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { replicationController as controller } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [controller(parts)], objects)
const key = { namespace: 'default', name: 'web' }
const web = (replicas: number) => {
  const base = replicationController('web')
  return { ...base, spec: { ...base.spec, replicas } }
}
const scale = (h: Harness, replicas: number) =>
  h.client.change(replicationControllers, key, (rc) => {
    rc.spec!.replicas = replicas
    Object.assign(rc.metadata!, { generation: (rc.metadata!.generation ?? 0) + 1 })
  })

it('keeps as many pods as it asks for, owned by itself, and counts them', async () => {
  await using h = await start(web(2))
  await h.run()
  expect(h.client.stored(pods)[0]?.metadata).toMatchObject({
    generateName: 'web-',
    ownerReferences: [
      { apiVersion: 'v1', kind: 'ReplicationController', name: 'web', uid: 'web-uid', controller: true },
    ],
  })
  expect(h.events()[0]).toMatch(/^SuccessfulCreate: Created pod: web-/)
  scale(h, 1)
  await h.run()
  expect(h.client.find(replicationControllers, key)?.status).toEqual({
    replicas: 1,
    fullyLabeledReplicas: 1,
    observedGeneration: 2,
  })
})

it('adopts by its map of labels, all of which must match', async () => {
  await using h = await start(
    web(1),
    pod('mine', { metadata: { labels: { app: 'web', more: 'x' } }, status: readyStatus() }),
    pod('other', { metadata: { labels: { app: 'else' } } }),
  )
  await h.run()
  const owned = h.client.stored(pods).filter((p) => p.metadata?.ownerReferences?.length)
  expect(owned.map((p) => p.metadata?.name)).toEqual(['mine'])
})

it('does not touch pods of a replica set of the same name', async () => {
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs-uid', controller: true }
  const labels = { app: 'web' }
  await using h = await start(web(0), pod('theirs', { metadata: { labels, ownerReferences: [reference] } }))
  await h.run(1000)
  expect(h.client.writes('delete', 'patch').filter((a) => a.resource === 'pods')).toEqual([])
})

it('comes to its end though the process dies after every write', async () => {
  let scaled = false
  const { writes, last } = await withRestarts(
    (parts) => [controller(parts)],
    [web(4)],
    (h) => {
      const rested = h.client.find(replicationControllers, key)?.status?.replicas === 4
      if (!rested || scaled) return !rested && !scaled
      scaled = true
      scale(h, 1)
      return true
    },
  )
  const count = (text: string) => writes.filter((write) => write.startsWith(text)).length
  expect([count('create pods'), count('delete pods')]).toEqual([4, 3])
  expect(last.client.stored(pods)).toHaveLength(1)
})
