import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject, OwnerReference } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { configMaps, nodes, pods, replicaSets } from '#shared/kube/resources.ts'
import { silentLogger } from '../../base/logger.ts'
import type { ServedResource } from '../../client/api.ts'
import { node, pod, replicaSet } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { garbageCollector } from './controller.ts'

const verbs = ['delete', 'list', 'watch']
const served: ServedResource[] = [configMaps, pods, replicaSets, nodes, resources.events].map((type) => ({
  ...type,
  verbs,
}))
const start = (...objects: KubeObject[]) =>
  harness(
    (parts) => [
      garbageCollector({
        ...parts,
        logger: silentLogger,
        discovery: { resources: async () => ({ resources: served, failures: [] }) },
      }),
    ],
    objects,
  )
const key = (name: string) => ({ namespace: 'default', name })
const owner = (name: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name,
  uid: `${name}-uid`,
  ...more,
})
const owned = (name: string, ...ownerReferences: OwnerReference[]): Pod => pod(name, { metadata: { ownerReferences } })
const names = (h: Awaited<ReturnType<typeof start>>) => h.client.stored(pods).map((p) => p.metadata?.name)
const block = { blockOwnerDeletion: true }

describe('background', () => {
  it('deletes dependents of an owner that is gone, and theirs, and nothing else', async () => {
    const grandchild = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'g',
        namespace: 'default',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'a-uid' }],
      },
    }
    await using h = await start(
      replicaSet('web'),
      owned('a', owner('web')),
      owned('b', owner('web')),
      pod('free'),
      grandchild,
    )
    await h.run(1000)
    expect(names(h)).toHaveLength(3)
    await h.client.delete(replicaSets, key('web'), { propagationPolicy: 'Background' })
    await h.run()
    expect([names(h), h.client.stored(configMaps)]).toEqual([['free'], []])
  })

  it('collects an object that is born with an owner that never was, asking the server once per owner', async () => {
    await using h = await start(owned('a', owner('never')), owned('b', owner('never')))
    await h.run()
    expect(names(h)).toEqual([])
    const asked = h.client.actions.filter((a) => a.verb === 'get' && a.resource === 'replicasets')
    expect(asked.length).toBeLessThanOrEqual(2)
  })

  it('believes the server, not a cache that does not know the owner yet', async () => {
    await using h = await start()
    h.client.react('watch', 'replicasets', () => 'blind')
    h.client.closeWatches(replicaSets)
    h.client.seed(replicaSet('web'))
    h.client.seed(owned('a', owner('web')))
    await h.run(100)
    expect(names(h)).toEqual(['a'])
  })

  it('takes an owner of the same name but another uid for gone', async () => {
    await using h = await start(replicaSet('web', { metadata: { uid: 'new' } }), owned('a', owner('web')))
    await h.run()
    expect(names(h)).toEqual([])
  })

  it('keeps an object while one owner is left, and drops the reference to the other', async () => {
    await using h = await start(replicaSet('web'), replicaSet('other'), owned('a', owner('web'), owner('other')))
    await h.client.delete(replicaSets, key('web'))
    await h.run()
    expect(h.client.find(pods, key('a'))?.metadata?.ownerReferences?.map((r) => r.name)).toEqual(['other'])
  })

  it('does not delete an object that changed after it was judged, but judges it again', async () => {
    await using h = await start(replicaSet('web'), replicaSet('saviour'), owned('a', owner('web')))
    const once = h.client.react('delete', 'pods', () => {
      once()
      h.client.change(pods, key('a'), (p) => (p.metadata!.ownerReferences = [owner('saviour')]))
    })
    await h.client.delete(replicaSets, key('web'))
    await h.run(1000)
    expect(names(h)).toEqual(['a'])
  })
})

describe('foreground', () => {
  it('deletes blocking dependents first, then the owner', async () => {
    await using h = await start(replicaSet('web'), owned('a', owner('web', block)))
    h.client.change(pods, key('a'), (p) => (p.metadata!.finalizers = ['test/hold']))
    await h.run()
    await h.client.delete(replicaSets, key('web'), { propagationPolicy: 'Foreground' })
    await h.run()
    expect(h.client.find(replicaSets, key('web'))?.metadata?.finalizers).toEqual(['foregroundDeletion'])
    expect(h.client.find(pods, key('a'))?.metadata?.deletionTimestamp).toBeDefined()
    await h.client.patch(pods, key('a'), 'merge', { metadata: { finalizers: null } })
    await h.run()
    expect([h.client.stored(replicaSets), names(h)]).toEqual([[], []])
  })

  it('does not wait for dependents that do not block', async () => {
    await using h = await start(replicaSet('web'), owned('a', owner('web')))
    h.client.change(pods, key('a'), (p) => (p.metadata!.finalizers = ['test/hold']))
    await h.run()
    await h.client.delete(replicaSets, key('web'), { propagationPolicy: 'Foreground' })
    await h.run()
    expect(h.client.stored(replicaSets)).toEqual([])
  })

  it('stops waiting when the dependent stops blocking', async () => {
    await using h = await start(replicaSet('web'), owned('a', owner('web', block)))
    h.client.change(pods, key('a'), (p) => (p.metadata!.finalizers = ['test/hold']))
    await h.client.delete(replicaSets, key('web'), { propagationPolicy: 'Foreground' })
    await h.run()
    h.client.change(pods, key('a'), (p) => (p.metadata!.ownerReferences = []))
    await h.run()
    expect(h.client.stored(replicaSets)).toEqual([])
  })

  it('ends also when two objects own each other', async () => {
    const a = replicaSet('a', { metadata: { ownerReferences: [owner('b', block)] } })
    const b = replicaSet('b', { metadata: { ownerReferences: [owner('a', block)] } })
    await using h = await start(a, b)
    await h.client.delete(replicaSets, key('a'), { propagationPolicy: 'Foreground' })
    await h.run(10_000)
    expect(h.client.stored(replicaSets)).toEqual([])
  })
})

it('lets dependents go when the owner is deleted as Orphan', async () => {
  await using h = await start(
    replicaSet('web'),
    replicaSet('other'),
    owned('a', owner('web', block)),
    owned('b', owner('web'), owner('other')),
  )
  await h.client.delete(replicaSets, key('web'), { propagationPolicy: 'Orphan' })
  await h.run()
  expect(h.client.stored(replicaSets).map((s) => s.metadata?.name)).toEqual(['other'])
  expect(h.client.stored(pods).map((p) => p.metadata?.ownerReferences?.map((r) => r.name) ?? [])).toEqual([
    [],
    ['other'],
  ])
})

describe('places', () => {
  it('collects an object whose owner lives in another namespace, and says why', async () => {
    await using h = await start(replicaSet('web', { metadata: { namespace: 'elsewhere' } }), owned('a', owner('web')))
    await h.run()
    expect(names(h)).toEqual([])
    expect(h.events()).toEqual([
      'OwnerRefInvalidNamespace: ownerRef [apps/v1/ReplicaSet, namespace: default, name: web, uid: web-uid] does not exist in namespace "default"',
    ])
  })

  it('never collects a cluster-scoped object for a namespaced owner', async () => {
    await using h = await start(node('n', { metadata: { ownerReferences: [owner('web')] } }))
    await h.run(10_000)
    expect(h.client.stored(nodes)).toHaveLength(1)
  })

  it('keeps an object whose owner is of an unknown kind', async () => {
    const unknown = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: 'w' }
    await using h = await start(owned('a', unknown))
    await h.run(60_000)
    expect(names(h)).toEqual(['a'])
  })
})

it('starts when discovery answers at last', async () => {
  let away = true
  const resources = async () => {
    if (away) throw new Error('connection refused')
    return { resources: served, failures: [] }
  }
  const objects = [owned('a', owner('never'))]
  await using h = await harness(
    (parts) => [garbageCollector({ ...parts, logger: silentLogger, discovery: { resources } })],
    objects,
  )
  away = false
  await h.run(5000)
  expect(names(h)).toEqual([])
})

it('collects a thousand dependents with one request each', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => owned(`p${i}`, owner('web')))
  await using h = await start(replicaSet('web'), ...many)
  const before = h.client.actions.length
  await h.client.delete(replicaSets, key('web'))
  await h.run()
  expect(names(h)).toEqual([])
  expect(h.client.actions.length - before).toBeLessThan(1050)
})
