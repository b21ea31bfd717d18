import { expect, it } from 'vitest'
import { parseSelector } from '#shared/kube/selectors.ts'
import { eventView } from '../handlers/watch-stream.ts'
import { plainView } from '../handlers/plain-view.ts'
import { configMap, pod, smallCore, type SmallCore } from '../testing/small-core.ts'
import type { WatchBatch } from './watch-batch.ts'

function watching(
  { kind }: SmallCore,
  plural: string,
  { labels = '', namespace, after }: { labels?: string; namespace?: string; after?: number } = {},
) {
  const served = kind(plural)
  const batches: WatchBatch[] = []
  const filter = served.watchFilter({ namespace, labels: parseSelector(labels), fields: [] })
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

it('stops at disposal', async () => {
  const small = smallCore()
  const { seen, watch } = watching(small, 'pods')
  watch[Symbol.dispose]()
  await small.create(pod('p'))
  expect(seen()).toEqual([])
  expect(small.kind('pods').objects.hub.watchers).toBe(0)
})
