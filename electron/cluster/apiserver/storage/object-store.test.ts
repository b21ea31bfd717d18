import { expect, it } from 'vitest'
import { configMap, pod, smallCore } from '../testing/small-core.ts'

it('stores what is sent: bytes without kind and apiVersion, with the resourceVersion in them, metadata first', async () => {
  const { create, kind } = smallCore()
  await create(configMap('x', { data: { k: 'v' } }))
  const maps = kind('configmaps')
  const entry = maps.objects.get(maps.objects.keyOf('a', 'x'))!
  const value = JSON.parse(entry.value.toString()) as Record<string, unknown>
  expect(Object.keys(value)).toEqual(['metadata', 'data'])
  expect(value.metadata).toMatchObject({ name: 'x', namespace: 'a', resourceVersion: String(entry.revision) })
})

it('lies under the keys of a real cluster', async () => {
  const { create, store } = smallCore()
  await create(configMap('x'))
  await create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } })
  expect(store.range('/registry/').map(({ key }) => key)).toEqual(['/registry/configmaps/a/x', '/registry/nodes/n'])
})

it('shares one decoded object between all readers', async () => {
  const { create, kind } = smallCore()
  const written = await create(configMap('x'))
  const maps = kind('configmaps')
  const entry = maps.objects.get(maps.objects.keyOf('a', 'x'))!
  expect(maps.object(entry)).toBe(written)
  expect(Object.isFrozen(written.metadata)).toBe(true)
})

it('has what was written last at hand until the next write, and keeps nothing of a crowd decoded', async () => {
  const { create, kind, store } = smallCore()
  await create(configMap('x'))
  const { derived } = store.get('/registry/configmaps/a/x')!
  expect(derived).toMatchObject({ object: { metadata: { name: 'x' } } })
  await create(configMap('y'))
  expect(derived).toMatchObject({ object: undefined })
  expect(kind('configmaps').object(store.get('/registry/configmaps/a/x')!).metadata?.name).toBe('x')
})

it('hands out copies that their holders may change', async () => {
  const { create, kind } = smallCore()
  await create(configMap('x'))
  const maps = kind('configmaps')
  const entry = maps.objects.get(maps.objects.keyOf('a', 'x'))!
  maps.copy(entry).metadata!.labels = { changed: 'yes' }
  expect(maps.object(entry).metadata!.labels).toBeUndefined()
})

it('keeps an index of pods by node through creation, change and deletion', async () => {
  const { create, kind } = smallCore()
  const pods = kind('pods').objects
  await create(pod('one', 'n1'))
  expect(pods.indexed('spec.nodeName', 'n1')).toEqual(['/registry/pods/a/one'])
  await create(pod('two', 'n1'))
  const two = pods.get('/registry/pods/a/two')!
  expect(pods.indexed('spec.nodeName', 'n1')).toEqual(['/registry/pods/a/one', '/registry/pods/a/two'])
  const moved = { ...pods.copy(two), spec: { nodeName: 'n2' } }
  const entry = await pods.put(two.key, moved, two.revision)
  expect(pods.indexed('spec.nodeName', 'n1')).toEqual(['/registry/pods/a/one'])
  await pods.remove(two.key, entry.revision, pods.copy(entry))
  expect(pods.indexed('spec.nodeName', 'n2')).toEqual([])
  expect(pods.indexed('status.phase', 'x')).toBeUndefined()
})

it('glimpses objects without keeping them, but for the fields by which they are found', async () => {
  const { create, kind, store } = smallCore()
  await create(pod('p', 'n1'))
  const entry = store.get('/registry/pods/a/p')!
  entry.derived = undefined
  const pods = kind('pods')
  const object = pods.glimpse(entry)
  expect(object.metadata?.name).toBe('p')
  expect(pods.glimpse(entry)).not.toBe(object)
  expect(entry.derived).toMatchObject({ object: undefined, fields: { 'spec.nodeName': 'n1' } })
  expect(pods.object(entry)).toBe(pods.glimpse(entry))
})
