import { expect, it } from 'vitest'
import { parseSelector } from '#shared/kube/selectors.ts'
import { configMap, pod, smallCore, stored, type SmallCore } from '../testing/small-core.ts'
import { deleteCollection } from './collection.ts'
import { deleteObject, type DeleteRequest } from './delete.ts'

const remove = (small: SmallCore, plural: string, name: string, request: DeleteRequest = {}, more = {}) =>
  deleteObject(small.core, small.op(plural, name, more), request)
const exists = (small: SmallCore, plural: string, name: string) =>
  small.kind(plural).objects.get(small.kind(plural).objects.keyOf('a', name)) !== undefined

it('answers with what is gone', async () => {
  const small = smallCore()
  const { metadata } = await small.create(configMap('x'))
  expect(await remove(small, 'configmaps', 'x')).toEqual({
    status: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'x', kind: 'configmaps', uid: metadata!.uid },
    },
  })
  expect(exists(small, 'configmaps', 'x')).toBe(false)
  await expect(remove(small, 'configmaps', 'x')).rejects.toMatchObject({ status: { code: 404 } })
})

it('leaves the object that readers share as it was', async () => {
  const small = smallCore()
  const kind = small.kind('configmaps')
  await small.create(configMap('x', { metadata: { name: 'x', finalizers: ['a.io/hold'] }, data: { a: 'b' } }))
  const before = kind.object(kind.objects.get(kind.objects.keyOf('a', 'x'))!)
  const was = structuredClone(before)
  const marked = stored(kind, await remove(small, 'configmaps', 'x'))
  expect(before).toEqual(was)
  expect(marked).toMatchObject({ metadata: { deletionGracePeriodSeconds: 0 }, data: { a: 'b' } })
})

it('marks what a finalizer holds, and marks it once', async () => {
  const small = smallCore()
  await small.create(configMap('x', { metadata: { name: 'x', finalizers: ['a.io/hold'] } }))
  const marked = stored(small.kind('configmaps'), await remove(small, 'configmaps', 'x'))
  expect(marked.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 })
  await small.clock.advance(60_000)
  const again = stored(small.kind('configmaps'), await remove(small, 'configmaps', 'x'))
  expect(again).toEqual(marked)
})

it('writes nothing for whoever deletes a pod again that a finalizer holds', async () => {
  const small = smallCore()
  await small.create(pod('p', undefined, { finalizers: ['a.io/hold'] }))
  const first = stored(small.kind('pods'), await remove(small, 'pods', 'p'))
  const again = await remove(small, 'pods', 'p', { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' })
  expect(stored(small.kind('pods'), again)).toEqual(first)
})

it.each([
  ['Foreground', ['foregroundDeletion']],
  ['Orphan', ['orphan']],
] as const)('leaves %s deletion to the garbage collector', async (propagationPolicy, finalizers) => {
  const small = smallCore()
  await small.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: {} } as never)
  const object = stored(small.kind('deployments'), await remove(small, 'deployments', 'd', { propagationPolicy }))
  expect(object.metadata).toMatchObject({ finalizers, deletionTimestamp: '2026-01-01T00:00:00Z', generation: 2 })
})

it('gives a running pod its grace, which can only be shortened', async () => {
  const small = smallCore()
  await small.create(pod('p', 'n1'))
  const pods = small.kind('pods')
  const first = stored(pods, await remove(small, 'pods', 'p'))
  expect(first.metadata).toMatchObject({
    deletionTimestamp: '2026-01-01T00:00:30Z',
    deletionGracePeriodSeconds: 30,
    generation: 2,
  })
  const longer = stored(pods, await remove(small, 'pods', 'p', { gracePeriodSeconds: 60 }))
  expect(longer.metadata!.deletionGracePeriodSeconds).toBe(30)
  const shorter = stored(pods, await remove(small, 'pods', 'p', { gracePeriodSeconds: 5 }))
  expect(shorter.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:05Z', deletionGracePeriodSeconds: 5 })
  const gone = stored(pods, await remove(small, 'pods', 'p', { gracePeriodSeconds: 0 }))
  expect(gone.metadata!.deletionGracePeriodSeconds).toBe(0)
  expect(exists(small, 'pods', 'p')).toBe(false)
})

it('removes a pod that no node has at once, and answers with it', async () => {
  const small = smallCore()
  await small.create(pod('p'))
  const object = stored(small.kind('pods'), await remove(small, 'pods', 'p', { gracePeriodSeconds: 30 }))
  expect(object.metadata).toMatchObject({ name: 'p', deletionGracePeriodSeconds: 0 })
  expect(exists(small, 'pods', 'p')).toBe(false)
})

it('keeps a pod that a finalizer holds, also when its grace is 0', async () => {
  const small = smallCore()
  await small.create(pod('p', 'n1', { finalizers: ['a.io/hold'] }))
  await remove(small, 'pods', 'p', { gracePeriodSeconds: 0 })
  expect(exists(small, 'pods', 'p')).toBe(true)
})

it('holds a namespace until its own finalizers are gone', async () => {
  const small = smallCore()
  await small.create({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team' },
    spec: { finalizers: ['kubernetes'] },
  } as never)
  const object = stored(small.kind('namespaces'), await remove(small, 'namespaces', 'team'))
  expect(object).toMatchObject({
    metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
    status: { phase: 'Terminating' },
  })
})

it('minds preconditions', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  await expect(remove(small, 'configmaps', 'x', { preconditions: { uid: 'other' } })).rejects.toThrow(
    'the UID in the precondition (other) does not match the UID in record',
  )
  await expect(remove(small, 'configmaps', 'x', { preconditions: { resourceVersion: '1' } })).rejects.toThrow(
    'the ResourceVersion in the precondition (1) does not match',
  )
  expect(exists(small, 'configmaps', 'x')).toBe(true)
})

it('deletes nothing in a dry run', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  expect(await remove(small, 'configmaps', 'x', {}, { dryRun: true })).toMatchObject({ status: { status: 'Success' } })
  expect(exists(small, 'configmaps', 'x')).toBe(true)
})

it('deletes what a selector finds and answers with it as it was', async () => {
  const small = smallCore()
  for (const name of ['x', 'y', 'z'])
    await small.create(configMap(name, { metadata: { name, labels: { keep: String(name === 'y') } } }))
  const page = await deleteCollection(
    small.core,
    small.op('configmaps'),
    {
      namespace: 'a',
      labels: parseSelector('keep=false'),
      fields: [],
      limit: 0,
      continue: '',
      revision: undefined,
      exact: false,
    },
    {},
  )
  expect(page.entries.map(({ key }) => key)).toEqual(['/registry/configmaps/a/x', '/registry/configmaps/a/z'])
  expect(['x', 'y', 'z'].filter((name) => exists(small, 'configmaps', name))).toEqual(['y'])
})
