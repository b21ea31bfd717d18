import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { isAlreadyExists } from '#shared/kube/status.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { configMap, pod, smallCore, stored } from '../testing/small-core.ts'
import { createObject } from './create.ts'

it('fills what only the server may say, whatever the client said', async () => {
  const small = smallCore()
  const object = await small.create(
    configMap('x', {
      metadata: {
        name: 'x',
        uid: 'mine',
        resourceVersion: '7',
        creationTimestamp: '2000-01-01T00:00:00Z',
        deletionTimestamp: '2000-01-01T00:00:00Z',
      },
    }),
  )
  expect(object.metadata).toMatchObject({
    namespace: 'a',
    creationTimestamp: '2026-01-01T00:00:00Z',
    resourceVersion: String(small.store.revision),
  })
  expect(object.metadata!.uid).not.toBe('mine')
  expect(object.metadata!.deletionTimestamp).toBeUndefined()
})

it('refuses a second object of the name', async () => {
  const small = smallCore()
  await small.create(configMap('x'))
  await expect(small.create(configMap('x'))).rejects.toMatchObject({
    status: { code: 409, reason: 'AlreadyExists', message: 'configmaps "x" already exists' },
  })
})

it('lets one of two simultaneous creators win', async () => {
  const small = smallCore()
  const results = await Promise.allSettled([small.create(configMap('x')), small.create(configMap('x'))])
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

it('generates another name when the first one is taken', async () => {
  const small = smallCore()
  const generated = () => small.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'job-' } })
  const first = (await generated()).metadata!.name!
  expect(first).toMatch(/^job-[a-z0-9]{5}$/)
  // The same seed gives the same first name again.
  const again = smallCore()
  await again.create(configMap(first))
  const second = await again.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'job-' } })
  expect(second.metadata!.name).toMatch(/^job-[a-z0-9]{5}$/)
  expect(second.metadata!.name).not.toBe(first)
})

it('says that a name is taken to whoever gives one beside a base for one', async () => {
  const small = smallCore()
  const named = () =>
    small.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'job-', name: 'job-1' } })
  await named()
  const refusal = await named().catch((error: unknown) => error)
  expect(isAlreadyExists(refusal)).toBe(true)
  expect((refusal as Error).message).toBe(
    'configmaps "job-1" already exists, the server was not able to generate a unique name for the object',
  )
})

it('stores nothing of a dry run, and answers as if it had', async () => {
  const small = smallCore()
  const before = small.store.revision
  const outcome = await createObject(small.core, small.op('configmaps', '', { dryRun: true }), configMap('x'))
  const object = stored(small.kind('configmaps'), outcome)
  expect(object.metadata!.uid).toBeDefined()
  expect(object.metadata!.resourceVersion).toBeUndefined()
  expect(small.store.revision).toBe(before)
})

it('reports what is wrong with the metadata before what is wrong with the rest', async () => {
  const small = smallCore()
  const wrong = configMap('Not_A_Name', {
    metadata: { name: 'Not_A_Name', labels: { '-': 'x' }, finalizers: ['orphan', 'foregroundDeletion', 'plain'] },
  })
  const failure = (await small.create(wrong).catch((error: unknown) => error)) as {
    status: { details: { causes: { field: string }[] } }
  }
  expect(failure.status.details.causes.map(({ field }) => field)).toEqual([
    'metadata.name',
    'metadata.labels',
    'metadata.finalizers',
    'metadata.finalizers[2]',
  ])
  await expect(small.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {} })).rejects.toThrow(
    'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  )
})

it('refuses an object that names another namespace', async () => {
  const small = smallCore()
  await expect(small.create(configMap('x', { metadata: { name: 'x', namespace: 'b' } }))).rejects.toThrow(
    'the namespace of the provided object does not match the namespace sent on the request',
  )
})

it('keeps one reference per owner and warns of the others', async () => {
  const small = smallCore()
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }
  const object = await small.create(pod('p', '', { ownerReferences: [owner, owner] }))
  expect(object.metadata!.ownerReferences).toEqual([owner])
  expect(small.warnings.join()).toContain('duplicate entries')
})

it('shows admission the object before its rules, and lets it refuse', async () => {
  const seen: string[] = []
  const plugin: AdmissionPlugin = {
    name: 'Example',
    mutate: ({ object, operation }) => {
      seen.push(`mutate ${operation}`)
      object!.metadata!.labels = { admitted: 'yes' }
    },
    validate: ({ object, name }) => {
      seen.push(`validate ${name} ${(object as KubeObject).metadata!.labels!.admitted}`)
      if (name === 'bad') throw new Error('refused')
    },
  }
  const small = smallCore({ admission: [plugin] })
  expect((await small.create(configMap('x'))).metadata!.labels).toEqual({ admitted: 'yes' })
  expect(seen).toEqual(['mutate CREATE', 'validate x yes'])
  await expect(small.create(configMap('bad'))).rejects.toThrow('refused')
  expect(small.kind('configmaps').objects.get('/registry/configmaps/a/bad')).toBeUndefined()
})
