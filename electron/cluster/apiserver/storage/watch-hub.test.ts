import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { parseSelector } from '#shared/kube/selectors.ts'
import { eventView } from '../handlers/watch-stream.ts'
import { plainView } from '../handlers/plain-view.ts'
import { configMap, pod, smallCore, type SmallCore } from '../testing/small-core.ts'
import type { WatchBatch } from './watch-batch.ts'

function watching(
  { kind }: SmallCore,
  plural: string,
  {
    labels = '',
    fields = '',
    namespace,
    after,
  }: { labels?: string; fields?: string; namespace?: string; after?: number } = {},
) {
  const served = kind(plural)
  const batches: WatchBatch[] = []
  const filter = served.watchFilter({ namespace, labels: parseSelector(labels), fields: parseFieldSelector(fields) })
  const watch = served.objects.hub.open(filter, after ?? served.objects.revision, {
    onBatch: (batch) => void batches.push(batch),
    onEnd: () => {},
  })
  const seen = () =>
    batches.flatMap(({ changes }) => changes.map(({ type, entry }) => `${type} ${served.object(entry).metadata!.name}`))
  return { batches, seen, watch }
}

const labelled = (name: string, app: string) => configMap(name, { metadata: { name, labels: { app } } })

async function relabel(small: SmallCore, name: string, app: string) {
  const { objects } = small.kind('configmaps')
  const entry = objects.get(objects.keyOf('a', name))!
  const object = objects.copy(entry)
  object.metadata!.labels = { app }
  return objects.put(entry.key, object, entry.revision)
}

it('turns a change into ADDED or DELETED where the object begins or ceases to match', async () => {
  const small = smallCore()
  const { seen, batches } = watching(small, 'configmaps', { labels: 'app=web' })
  await small.create(labelled('x', 'db'))
  await relabel(small, 'x', 'web')
  await relabel(small, 'x', 'web')
  const left = await relabel(small, 'x', 'db')
  expect(seen()).toEqual(['ADDED x', 'MODIFIED x', 'DELETED x'])
  const gone = small.kind('configmaps').object(batches.at(-1)!.changes[0]!.entry)
  expect(gone.metadata).toMatchObject({ labels: { app: 'web' }, resourceVersion: String(left.revision) })
})

it('sends each watcher of a filter the very same bytes', async () => {
  const small = smallCore()
  const first = watching(small, 'configmaps')
  const second = watching(small, 'configmaps')
  await small.create(configMap('x'))
  const view = eventView(plainView(small.kind('configmaps')))
  const bytes = first.batches[0]!.bytes(view)
  expect(second.batches[0]!.bytes(view)).toBe(bytes)
  expect(bytes.toString()).toMatch(
    /^\{"type":"ADDED","object":\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{.*\}\}\}\n$/,
  )
})

it('encodes an event once for watchers of different filters', async () => {
  const small = smallCore()
  const all = watching(small, 'configmaps')
  const some = watching(small, 'configmaps', { labels: 'app=web', namespace: 'a' })
  await small.create(labelled('x', 'web'))
  const view = eventView(plainView(small.kind('configmaps')))
  expect(all.batches[0]!.changes[0]!.bytes(view)).toBe(some.batches[0]!.changes[0]!.bytes(view))
})

it('replays what a watcher missed, under its own filter', async () => {
  const small = smallCore()
  const after = small.store.revision
  await small.create(labelled('x', 'web'))
  await small.create(labelled('y', 'db'))
  await relabel(small, 'x', 'db')
  const late = watching(small, 'configmaps', { labels: 'app=web', after })
  expect(late.seen()).toEqual(['ADDED x', 'DELETED x'])
  await relabel(small, 'y', 'web')
  expect(late.seen()).toEqual(['ADDED x', 'DELETED x', 'ADDED y'])
})

it('shows nothing of the past to a watcher from the future', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  const { seen } = watching(small, 'configmaps', { after: small.store.revision + 1 })
  await small.create(configMap('y'))
  await small.create(configMap('z'))
  expect(seen()).toEqual(['ADDED z'])
})

it('evaluates no filter for an event that its field or namespace rules out', async () => {
  const small = smallCore()
  const served = small.kind('configmaps')
  let asked = 0
  const open = (fields: string, namespace?: string) => {
    const filter = served.watchFilter({ namespace, labels: [], fields: parseFieldSelector(fields) })
    const matches = (entry: Parameters<NonNullable<typeof filter.matches>>[0]) => (asked++, filter.matches!(entry))
    served.objects.hub.open({ ...filter, matches }, served.objects.revision, { onBatch: () => {}, onEnd: () => {} })
  }
  for (let i = 0; i < 1000; i++) open(`metadata.name=m${i}`)
  open('metadata.name=x', 'elsewhere')
  open('metadata.name!=m1', 'elsewhere')
  await small.create(configMap('x'))
  expect(asked).toBe(0)
  await small.create(configMap('m7'))
  expect(asked).toBe(1)
})

it('finds the watchers of the value that a field had, and of the one that it has', async () => {
  const small = smallCore()
  const on = (node: string) => watching(small, 'pods', { fields: `spec.nodeName=${node}`, labels: '!absent' })
  const [none, a, b] = [on(''), on('a'), on('b')]
  await small.create(pod('p'))
  const { objects } = small.kind('pods')
  for (const nodeName of ['a', 'b']) {
    const entry = objects.get(objects.keyOf('a', 'p'))!
    const object = objects.copy(entry) as Pod
    await objects.put(entry.key, { ...object, spec: { ...object.spec!, nodeName } } as Pod, entry.revision)
  }
  expect([none.seen(), a.seen(), b.seen()]).toEqual([['ADDED p', 'DELETED p'], ['ADDED p', 'DELETED p'], ['ADDED p']])
})

it('stops at disposal', async () => {
  const small = smallCore()
  const { seen, watch } = watching(small, 'pods')
  watch[Symbol.dispose]()
  await small.create(pod('p'))
  expect(seen()).toEqual([])
  expect(small.kind('pods').objects.hub.watchers).toBe(0)
})

it('lets go of what was derived from a state that is past', async () => {
  const small = smallCore()
  watching(small, 'configmaps', { labels: 'app=web' })
  await small.create(labelled('x', 'web'))
  const before = small.store.get('/registry/configmaps/a/x')!
  expect(before.derived).toBeDefined()
  await relabel(small, 'x', 'db')
  expect(before.derived).toBeUndefined()
})
