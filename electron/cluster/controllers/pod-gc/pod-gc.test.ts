import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { node, pod } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { podGarbageCollector } from './controller.ts'
import { collectTerminated, terminatedThreshold } from './reconcile.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [podGarbageCollector(parts)], objects)
const on = (name: string, nodeName: string) =>
  pod(name, { metadata: { generation: 3 }, spec: { nodeName, containers: [] }, status: { phase: 'Running' } })

it('fails and removes the pods of a node 40 s after it disappeared', async () => {
  await using h = await start(node('a'), node('b'), on('p', 'a'), on('q', 'b'))
  h.client.remove(nodes, { name: 'a' })
  await h.run(39_000)
  expect(h.client.stored(pods)).toHaveLength(2)
  await h.run(2_000)
  expect(h.client.stored(pods).map((p) => p.metadata?.name)).toEqual(['q'])
  expect(h.client.writes('patch')[0]?.body).toMatchObject({
    status: {
      phase: 'Failed',
      conditions: [{ type: 'DisruptionTarget', observedGeneration: 3, reason: 'DeletionByPodGC' }],
    },
  })
})

it('spares them when the node is back in time', async () => {
  await using h = await start(node('a'), on('p', 'a'))
  h.client.remove(nodes, { name: 'a' })
  await h.run(30_000)
  h.client.seed(node('a'))
  await h.run(60_000)
  expect(h.client.stored(pods)).toHaveLength(1)
})

it('asks the server before it believes that a node is gone', async () => {
  await using h = await start(on('p', 'unseen'))
  h.client.react('get', 'nodes', () => node('unseen'))
  await h.run(60_000)
  expect(h.client.stored(pods)).toHaveLength(1)
})

it('removes a pod that is being deleted and was never scheduled', async () => {
  await using h = await start()
  h.client.seed(pod('p', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 } }))
  await h.run()
  expect(h.client.stored(pods)).toEqual([])
})

it('removes the oldest of too many pods that have ended', () => {
  const ended = Array.from({ length: terminatedThreshold + 2 }, (_, i) =>
    pod(`p${i}`, { metadata: { creationTimestamp: `2026-01-01T${String(23 - (i % 24)).padStart(2, '0')}:00:00Z` } }),
  )
  const { steps } = collectTerminated(ended)
  expect(steps.map((step) => 'key' in step && step.key.name)).toEqual(['p10007', 'p10031'])
})
