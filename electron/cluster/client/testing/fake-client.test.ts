import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import * as resources from '#shared/kube/resources.ts'
import { isConflict, isGone, isNotFound } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../../base/fake-clock.ts'
import { FakeClient } from './fake-client.ts'

const setup = () => {
  const clock = new FakeClock()
  return { clock, client: new FakeClient({ clock }) }
}
const pod = (name: string, labels: Record<string, string> = {}, more: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [] },
  ...more,
})

it('refuses a write that was based on an older resourceVersion', async () => {
  const { client } = setup()
  const first = await client.create(resources.pods, pod('a'))
  await client.update(resources.pods, { ...first, metadata: { ...first.metadata, labels: { x: '1' } } })
  const late = client.update(resources.pods, { ...first, metadata: { ...first.metadata, labels: { x: '2' } } })
  await expect(late).rejects.toSatisfy(isConflict)
})

it('splits status from the rest: each write changes only its own half', async () => {
  const { client } = setup()
  const created = await client.create(resources.pods, pod('a', {}, { status: { phase: 'Running' } }))
  expect(created.status?.phase).toBe('Pending')
  const changed = { ...created, metadata: { ...created.metadata, labels: { x: '1' } }, status: { phase: 'Running' } }
  const afterStatus = await client.update(resources.pods, changed, { subresource: 'status' })
  expect([afterStatus.metadata?.labels, afterStatus.status?.phase]).toEqual([{}, 'Running'])
})

it('removes an object when its last finalizer goes, and keeps a scheduled pod for its grace', async () => {
  const { client } = setup()
  client.seed({ ...pod('held'), metadata: { name: 'held', namespace: 'default', finalizers: ['test/hold'] } })
  client.seed(pod('graceful', {}, { spec: { nodeName: 'n', containers: [] } }))
  await client.delete(resources.pods, { namespace: 'default', name: 'held' })
  await client.delete(resources.pods, { namespace: 'default', name: 'graceful' })
  expect(client.stored(resources.pods).map((p) => p.metadata?.deletionGracePeriodSeconds)).toEqual([0, 30])
  await client.patch(resources.pods, { namespace: 'default', name: 'held' }, 'merge', {
    metadata: { finalizers: null },
  })
  await client.delete(resources.pods, { namespace: 'default', name: 'graceful' }, { gracePeriodSeconds: 0 })
  await expect(client.get(resources.pods, { namespace: 'default', name: 'held' })).rejects.toSatisfy(isNotFound)
  expect(client.stored(resources.pods)).toEqual([])
})

it('replays a watch from a revision and shows an object that stops matching as deleted', async () => {
  const { client } = setup()
  const { metadata } = await client.list(resources.pods)
  const created = await client.create(resources.pods, pod('a', { app: 'x' }))
  await client.create(resources.pods, pod('b', { app: 'y' }))
  const stop = new AbortController()
  const seen: string[] = []
  const watching = (async () => {
    const options = { resourceVersion: metadata.resourceVersion, labelSelector: 'app=x', signal: stop.signal }
    for await (const event of client.watch(resources.pods, options))
      seen.push(`${event.type} ${event.object.metadata?.name}`)
  })()
  await client.update(resources.pods, { ...created, metadata: { ...created.metadata, labels: { app: 'z' } } })
  await settle()
  stop.abort()
  await watching
  expect(seen).toEqual(['ADDED a', 'DELETED a'])
  expect(client.watchers).toBe(0)
})

it('answers 410 to a watch from a compacted revision', async () => {
  const { client } = setup()
  const first = client.seed(pod('a'))
  client.seed(pod('b'))
  client.compact()
  const options = { resourceVersion: first.metadata!.resourceVersion, signal: new AbortController().signal }
  await expect(client.watch(resources.pods, options)[Symbol.asyncIterator]().next()).rejects.toSatisfy(isGone)
})

it('pages lists and merges conditions by type in strategic patches', async () => {
  const { client } = setup()
  for (const name of ['a', 'b', 'c'])
    client.seed(pod(name, {}, { status: { conditions: [{ type: 'Ready', status: 'True' }] } }))
  const first = await client.list(resources.pods, { limit: 2 })
  const second = await client.list(resources.pods, { limit: 2, continue: first.metadata.continue })
  expect([first.items.length, first.metadata.remainingItemCount, second.items[0]?.metadata?.name]).toEqual([2, 1, 'c'])
  const body = {
    status: {
      conditions: [
        { type: 'Ready', status: 'False' },
        { type: 'Extra', status: 'True' },
      ],
    },
  }
  const patched = await client.patch(resources.pods, { namespace: 'default', name: 'a' }, 'strategic', body, {
    subresource: 'status',
  })
  expect(patched.status?.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual(['Ready=False', 'Extra=True'])
})

it('lets a reactor fail a call, and records it', async () => {
  const { client } = setup()
  client.react('create', 'pods', () => {
    throw new Error('no room')
  })
  await expect(client.create(resources.pods, pod('a'))).rejects.toThrow('no room')
  expect(client.writes('create').map((a) => a.name)).toEqual(['a'])
})
