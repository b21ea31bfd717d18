import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { configMap, pod, smallCore, stored, type SmallCore } from '../testing/small-core.ts'
import { deleteObject } from './delete.ts'
import { updateObject } from './update.ts'

type ConfigMap = KubeObject & { data?: Record<string, string> }

const change = async (small: SmallCore, plural: string, name: string, edit: (object: ConfigMap) => void, more = {}) =>
  stored(
    small.kind(plural),
    await updateObject(small.core, small.op(plural, name, more), {
      produce(old) {
        const object = structuredClone(old) as ConfigMap
        edit(object)
        return object
      },
    }),
  )

it('refuses an update that is based on an older state', async () => {
  const small = smallCore()
  const first = await small.create(configMap('x'))
  await change(small, 'configmaps', 'x', (object) => (object.data = { k: 'v' }))
  const stale = change(small, 'configmaps', 'x', (object) => {
    object.metadata = { ...object.metadata, resourceVersion: first.metadata!.resourceVersion! }
    object.data = { k: 'w' }
  })
  await expect(stale).rejects.toMatchObject({
    status: {
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again',
    },
  })
})

it('makes no new revision where nothing changes, whatever the order of the keys', async () => {
  const small = smallCore()
  await small.create(configMap('x', { data: { a: '1', b: '2' } }))
  const before = small.store.revision
  const same = await change(small, 'configmaps', 'x', (object) => (object.data = { b: '2', a: '1' }))
  expect(small.store.revision).toBe(before)
  expect(same.metadata!.resourceVersion).toBe(String(before))
})

it('loses no write of many that come at once', async () => {
  const small = smallCore()
  await small.create(configMap('x', { data: { n: '0' } }))
  await Promise.all(
    Array.from({ length: 20 }, () =>
      change(small, 'configmaps', 'x', (object) => (object.data!.n = String(Number(object.data!.n) + 1))),
    ),
  )
  const maps = small.kind('configmaps')
  expect((maps.object(maps.objects.get('/registry/configmaps/a/x')!) as ConfigMap).data!.n).toBe('20')
})

it('refuses an object of the same name and another uid', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  await expect(
    change(small, 'configmaps', 'x', (object) => (object.metadata = { ...object.metadata, uid: 'other' })),
  ).rejects.toThrow(
    'StorageError: invalid object, Code: 4, Key: /registry/configmaps/a/x, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other',
  )
})

it('does not let clients change what only the server may', async () => {
  const small = smallCore()
  const before = await small.create(pod('p'))
  const after = await change(small, 'pods', 'p', (object) => {
    object.metadata = {
      ...object.metadata,
      creationTimestamp: '2000-01-01T00:00:00Z',
      generation: 99,
      labels: { a: 'b' },
    }
    delete (object.metadata as { uid?: string }).uid
  })
  expect(after.metadata).toMatchObject({
    uid: before.metadata!.uid,
    creationTimestamp: before.metadata!.creationTimestamp,
    generation: 1,
  })
})

it('removes a deleted object when its last finalizer goes, and refuses new ones', async () => {
  const small = smallCore()
  await small.create(configMap('x', { metadata: { name: 'x', finalizers: ['a.io/one'] } }))
  await deleteObject(small.core, small.op('configmaps', 'x'), {})
  await expect(
    change(small, 'configmaps', 'x', (object) => object.metadata!.finalizers!.push('a.io/two')),
  ).rejects.toThrow(
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.io/two"}',
  )
  await change(small, 'configmaps', 'x', (object) => delete object.metadata!.finalizers)
  expect(small.kind('configmaps').objects.get('/registry/configmaps/a/x')).toBeUndefined()
})

it('changes only the status through /status, and only the rest otherwise', async () => {
  const small = smallCore()
  await small.create(pod('p', 'n1'))
  const subresource = small.kind('pods').subresources.get('status')
  const edit = (object: KubeObject) =>
    Object.assign(object, { spec: { containers: [], nodeName: 'n2' }, status: { phase: 'Running' } })
  expect(await change(small, 'pods', 'p', edit, { subresource })).toMatchObject({
    spec: { nodeName: 'n1' },
    status: { phase: 'Running' },
    metadata: { generation: 1 },
  })
  const spec = (object: KubeObject) =>
    Object.assign(object, { spec: { containers: [], nodeName: 'n2' }, status: { phase: 'Failed' } })
  expect(await change(small, 'pods', 'p', spec)).toMatchObject({
    spec: { nodeName: 'n2' },
    status: { phase: 'Running' },
    metadata: { generation: 2 },
  })
})

it('blames what is wrong each time that upstream looks at it', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  await small.create(pod('p', 'n1'))
  const causes = (plural: string, name: string, labels: Record<string, string>, more = {}) =>
    change(small, plural, name, (object) => (object.metadata = { ...object.metadata, labels }), more).then(
      () => 0,
      ({ status }: { status: { details: { causes: unknown[] } } }) => status.details.causes.length,
    )
  // The generic layer looks at the whole and at the change, and the kind's rules at both again.
  expect(await causes('configmaps', 'x', { a: 'b c' })).toBe(4)
  const subresource = small.kind('pods').subresources.get('status')
  expect(await causes('pods', 'p', { a: 'b c' }, { subresource })).toBe(3)
})

it('does not create by update', async () => {
  const small = smallCore()
  const put = updateObject(small.core, small.op('configmaps', 'x'), { produce: () => configMap('x') })
  await expect(put).rejects.toMatchObject({ status: { code: 404, message: 'configmaps "x" not found' } })
})
