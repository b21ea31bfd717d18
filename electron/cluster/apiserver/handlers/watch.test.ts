import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Status } from '#shared/kube/status.ts'
import { parseSelector } from '#shared/kube/selectors.ts'
import { settle } from '../../base/fake-clock.ts'
import { smallKinds } from '../testing/kinds.ts'
import { configMap, smallCore, type SmallCore } from '../testing/small-core.ts'
import { openWatch, type WatchRequest } from './watch.ts'

async function watch(small: SmallCore, more: Partial<WatchRequest> = {}) {
  const kind = small.kind('configmaps')
  const seen: string[] = []
  const errors: Status[] = []
  const request: WatchRequest = {
    namespace: 'a',
    labels: [],
    fields: [],
    revision: undefined,
    sendInitialEvents: undefined,
    allowBookmarks: false,
    timeoutSeconds: undefined,
    ...more,
  }
  const session = await openWatch(
    kind,
    request,
    () => ({
      batch: ({ changes }) =>
        void seen.push(...changes.map(({ type, entry }) => `${type} ${kind.object(entry).metadata!.name}`)),
      bookmark: (metadata: KubeObject['metadata']) =>
        void seen.push(`BOOKMARK ${metadata!.resourceVersion}${metadata!.annotations ? ' end' : ''}`),
      error: (status) => void errors.push(status),
      end: () => void seen.push('END'),
    }),
    small.clock,
  )
  return { seen, errors, session }
}

it('begins with everything that exists when it is not told where to begin', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  const { seen } = await watch(small)
  await small.create(configMap('y'))
  expect(seen).toEqual(['ADDED x', 'ADDED y'])
})

it('begins after the given revision and repeats nothing', async () => {
  const small = smallCore()
  const { metadata } = await small.create(configMap('x'))
  await small.create(configMap('y'))
  const { seen } = await watch(small, { revision: Number(metadata!.resourceVersion) })
  await small.create(configMap('z'))
  expect(seen).toEqual(['ADDED y', 'ADDED z'])
})

it('marks the end of the initial events, as streaming lists need it', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  const { seen } = await watch(small, {
    sendInitialEvents: true,
    allowBookmarks: true,
    labels: parseSelector('!absent'),
  })
  expect(seen).toEqual(['ADDED x', `BOOKMARK ${small.store.revision} end`])
})

it('tells a quiet watcher once a minute how far it is', async () => {
  const small = smallCore()
  const { seen } = await watch(small, { revision: small.store.revision, allowBookmarks: true })
  await small.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } })
  await small.clock.advance(61_000)
  expect(seen).toEqual([`BOOKMARK ${small.store.revision}`])
  await small.clock.advance(60_000)
  expect(seen).toHaveLength(2)
})

it('tells nobody that he is further than what a webhook has converted for him', async () => {
  const conversion = Promise.withResolvers<void>()
  const converted = smallKinds.map((definition) =>
    definition.plural === 'configmaps'
      ? {
          ...definition,
          convertLater: {
            unmarked: 'v1',
            toThis: (objects: readonly KubeObject[]) => conversion.promise.then(() => [...objects]),
            toStorage: (object: KubeObject) => Promise.resolve(object),
          },
        }
      : definition,
  )
  const small = smallCore({ kinds: converted })
  const { seen } = await watch(small, { revision: small.store.revision, allowBookmarks: true })
  const first = small.create(configMap('x'))
  await settle()
  const reached = small.store.revision
  await small.clock.advance(61_000)
  const second = small.create(configMap('y'))
  await settle()
  expect(seen).toEqual([])
  conversion.resolve()
  await Promise.all([first, second])
  await settle()
  expect(seen).toEqual(['ADDED x', `BOOKMARK ${reached}`, 'ADDED y'])
})

it('says in the stream that the past is forgotten', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  await small.create(configMap('y'))
  await small.store.compact(small.store.revision)
  const { errors, seen } = await watch(small, { revision: 1 })
  expect(errors).toMatchObject([
    { code: 410, reason: 'Expired', message: `too old resource version: 1 (${small.store.revision})` },
  ])
  expect(seen).toEqual(['END'])
})

it('ends when its time is up, and leaves no timer behind', async () => {
  const small = smallCore()
  const { seen } = await watch(small, { timeoutSeconds: 10, allowBookmarks: true, revision: small.store.revision })
  await small.clock.advance(11_000)
  expect(seen).toEqual(['END'])
  expect(small.clock.pending).toBe(0)
})

it('ends when the store closes', async () => {
  const small = smallCore()
  const { seen } = await watch(small, { revision: small.store.revision })
  await small.store[Symbol.asyncDispose]()
  expect(seen).toEqual(['END'])
})
