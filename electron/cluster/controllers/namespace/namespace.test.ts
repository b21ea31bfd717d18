import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { namespaces, pods, secrets } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import type { Discovery, ServedResource } from '../../client/api.ts'
import { namespace, pod } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { namespaceController } from './controller.ts'

const verbs = ['list', 'delete']
const served: ServedResource[] = [secrets, pods, resources.nodes].map((type) => ({ ...type, verbs }))
const start = (
  objects: KubeObject[],
  discovery: Discovery = { resources: async () => ({ resources: served, failures: [] }) },
) => harness((parts) => [namespaceController({ ...parts, discovery })], [namespace('gone'), ...objects])
type H = Awaited<ReturnType<typeof start>>

const inNamespace = (name: string, more: object = {}) => ({ name, namespace: 'gone', ...more })
const secret = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: inNamespace(name, more),
})
const running = (name: string) =>
  pod(name, {
    metadata: inNamespace(name),
    spec: { nodeName: 'n', containers: [], terminationGracePeriodSeconds: 30 },
    status: { phase: 'Running' },
  })
const conditions = (h: H) =>
  h.client
    .find(namespaces, { name: 'gone' })
    ?.status?.conditions?.filter((c) => c.status === 'True')
    .map((c) => `${c.type}: ${c.message}`)
const deleteIt = async (h: H) => {
  await h.client.delete(namespaces, { name: 'gone' })
  await h.run()
}

it('deletes what is in the namespace and nothing else, then lets it go', async () => {
  const other = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'kept', namespace: 'default' } }
  await using h = await start([secret('a'), secret('b'), other])
  await h.run(1000)
  expect(h.client.stored(secrets)).toHaveLength(3)
  await deleteIt(h)
  expect(h.client.stored(secrets).map((s) => s.metadata?.name)).toEqual(['kept'])
  expect(h.client.stored(namespaces)).toEqual([])
})

it('keeps everything else until the pods are gone, and then goes on at once', async () => {
  await using h = await start([running('p'), secret('used')])
  await deleteIt(h)
  expect(h.client.find(pods, inNamespace('p'))?.metadata?.deletionTimestamp).toBeDefined()
  expect(h.client.stored(secrets)).toHaveLength(1)
  expect(conditions(h)).toEqual([
    'NamespaceContentRemaining: Some resources are remaining: pods. has 1 resource instances',
  ])
  h.client.remove(pods, inNamespace('p'))
  await h.run()
  expect([h.client.stored(secrets), h.client.stored(namespaces)]).toEqual([[], []])
})

it('says which finalizers hold it, and looks again', async () => {
  await using h = await start([secret('held', { finalizers: ['example.com/hold'] })])
  await deleteIt(h)
  expect(conditions(h)).toEqual([
    'NamespaceContentRemaining: Some resources are remaining: secrets. has 1 resource instances',
    'NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  ])
  h.client.remove(secrets, inNamespace('held'))
  await h.run(8000)
  expect(h.client.stored(namespaces)).toEqual([])
})

it('keeps the namespace while discovery is incomplete', async () => {
  const failures = [{ groupVersion: 'metrics.k8s.io/v1beta1', message: 'stale GroupVersion discovery' }]
  await using h = await start([secret('a')], { resources: async () => ({ resources: served, failures }) })
  await deleteIt(h)
  expect(h.client.stored(secrets)).toEqual([])
  expect(conditions(h)?.[0]).toMatch(
    /^NamespaceDeletionDiscoveryFailure: Discovery failed for some groups, 1 failing: .*metrics.k8s.io\/v1beta1/,
  )
})

it('reports a kind that cannot be deleted and tries again', async () => {
  await using h = await start([secret('a')])
  const allow = h.client.react('delete', 'secrets', () => {
    throw internal('broken webhook')
  })
  await deleteIt(h)
  expect(conditions(h)?.[0]).toContain(
    'NamespaceDeletionContentFailure: Failed to delete all resource types, 1 remaining: Internal error occurred: broken webhook',
  )
  allow()
  await h.run(10_000)
  expect(h.client.stored(namespaces)).toEqual([])
})

it('removes only its own finalizer', async () => {
  await using h = await start([])
  h.client.change(namespaces, { name: 'gone' }, (n) => (n.spec!.finalizers = ['kubernetes', 'example.com/other']))
  await deleteIt(h)
  expect(h.client.find(namespaces, { name: 'gone' })?.spec?.finalizers).toEqual(['example.com/other'])
})
