import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import * as resources from '#shared/kube/resources.ts'
import { expired, serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from './informer-factory.ts'
import { startInformer, type Handler } from './informer.ts'
import { FakeClient } from './testing/fake-client.ts'

const pod = (name: string, labels: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
})
const key = (name: string) => ({ namespace: 'default', name })

function setup(...objects: Pod[]) {
  const clock = new FakeClock()
  const client = new FakeClient({ clock, objects })
  const deps = { client, clock, random: seededRandom(1), logger: silentLogger }
  const seen: string[] = []
  const handler: Handler<Pod> = {
    add: (object, initial) => seen.push(`add ${object.metadata?.name}${initial ? ' initially' : ''}`),
    update: (object, old) =>
      seen.push(`update ${old.metadata?.labels?.['v'] ?? '-'} to ${object.metadata?.labels?.['v']}`),
    delete: (object) => seen.push(`delete ${object.metadata?.name}`),
  }
  return { clock, client, deps, seen, handler }
}

it('lists in pages, then tells handlers of every change with what was there before', async () => {
  const { client, deps, seen, handler } = setup(pod('a'))
  await using informer = startInformer(deps, resources.pods)
  informer.handle(handler)
  await informer.whenSynced()
  client.seed(pod('b'))
  client.change(resources.pods, key('b'), (p) => (p.metadata!.labels = { v: '1' }))
  client.remove(resources.pods, key('a'))
  await settle()
  expect(seen).toEqual(['add a initially', 'add b', 'update - to 1', 'delete a'])
  expect(informer.lister.list('default').map((p) => p.metadata?.name)).toEqual(['b'])
})

it('tells a late handler of everything that is cached', async () => {
  const { deps, seen, handler } = setup(pod('a'), pod('b'))
  await using informer = startInformer(deps, resources.pods)
  await informer.whenSynced()
  informer.handle(handler)
  expect(seen).toEqual(['add a initially', 'add b initially'])
})

it('resumes a watch that ended from its last revision, without listing again', async () => {
  const { clock, client, deps, seen, handler } = setup(pod('a'))
  await using informer = startInformer(deps, resources.pods)
  informer.handle(handler)
  await informer.whenSynced()
  await settle()
  client.closeWatches()
  client.seed(pod('b'))
  await clock.advance(100)
  expect(seen.at(-1)).toBe('add b')
  expect(client.actions.filter((a) => a.verb === 'list').length).toBe(1)
})

it('lists again after 410 and reports what vanished meanwhile as deleted', async () => {
  const { clock, client, deps, seen, handler } = setup(pod('a'), pod('b'))
  await using informer = startInformer(deps, resources.pods)
  informer.handle(handler)
  await informer.whenSynced()
  await settle()
  client.closeWatches(resources.pods, expired('too old resource version'))
  client.remove(resources.pods, key('a'))
  client.change(resources.pods, key('b'), (p) => (p.metadata!.labels = { v: '2' }))
  await clock.advance(2000)
  expect(seen.slice(2)).toEqual(['delete a', 'update - to 2'])
})

it('resumes from a bookmark where its own last event has been compacted away', async () => {
  const { clock, client, deps, seen, handler } = setup(pod('a'))
  await using informer = startInformer(deps, resources.pods)
  informer.handle(handler)
  await informer.whenSynced()
  await settle()
  client.seed({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } })
  client.bookmark(resources.pods)
  await settle()
  client.compact()
  client.closeWatches()
  client.seed(pod('b'))
  await clock.advance(2000)
  expect(seen).toEqual(['add a initially', 'add b'])
  expect(client.actions.filter((a) => a.verb === 'list').length).toBe(1)
})

it('backs off while the server is away', async () => {
  const { clock, client, deps } = setup(pod('a'))
  const back = client.react('list', 'pods', () => {
    throw serviceUnavailable('away')
  })
  await using informer = startInformer(deps, resources.pods)
  await clock.advance(10_000)
  expect(client.actions.length).toBeLessThan(8)
  back()
  await clock.advance(60_000)
  expect(informer.hasSynced).toBe(true)
})

it('keeps indexes as objects change and go', async () => {
  const { client, deps } = setup(pod('a', { app: 'x' }), pod('b', { app: 'x' }))
  await using informer = startInformer(deps, resources.pods)
  const byApp = informer.index('app', (p) => [p.metadata?.labels?.['app'] ?? ''])
  await informer.whenSynced()
  await settle()
  client.change(resources.pods, key('a'), (p) => (p.metadata!.labels = { app: 'y' }))
  client.remove(resources.pods, key('b'))
  await settle()
  expect([byApp.count('x'), byApp.get('y').map((p) => p.metadata?.name)]).toEqual([0, ['a']])
})

it('shares one informer per kind and scope, and serves metadata from a whole one', async () => {
  const { client, deps } = setup()
  {
    await using factory = new InformerFactory(deps)
    const whole = factory.for(resources.pods)
    expect(factory.for(resources.pods)).toBe(whole)
    expect(factory.for(resources.pods, { metadataOnly: true })).toBe(whole)
    expect(factory.for(resources.pods, { fieldSelector: 'spec.nodeName=n' })).not.toBe(whole)
    await factory.for(resources.pods).whenSynced()
    await settle()
    expect(client.watchers).toBe(2)
  }
  expect(client.watchers).toBe(0)
})

it('shows a long list in turns, so that others of the process go on', async () => {
  const { deps } = setup(...Array.from({ length: 2000 }, (_, i) => pod(`p${i}`)))
  await using informer = startInformer(deps, resources.pods)
  let shown = 0
  let turns = 0
  informer.handle({ add: () => void shown++ })
  for (let synced = false; !synced; turns++) {
    await new Promise((resolve) => setImmediate(resolve))
    synced = informer.hasSynced
    if (turns > 100) break
  }
  expect(shown).toBe(2000)
  expect(turns).toBeGreaterThan(3)
})
