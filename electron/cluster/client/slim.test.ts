import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { freezeDeep } from '../base/freeze.ts'
import { Slimmer } from './slim.ts'

const pod = (name: string, more: { node?: string; owner?: string; phase?: string } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { app: 'web' },
    managedFields: [{ manager: 'm', operation: 'Update', fieldsV1: { 'f:spec': {} } }],
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: more.owner ?? 'u', controller: true },
    ],
  },
  spec: {
    containers: [
      { name: 'c', image: 'web:1', env: [{ name: 'A', value: 'b' }], volumeMounts: [{ name, mountPath: '/' }] },
    ],
    ...(more.node ? { nodeName: more.node } : {}),
  },
  status: { phase: more.phase ?? 'Pending' },
})
function withoutManagers(pod: Pod): Pod {
  delete pod.metadata?.managedFields
  return pod
}

it('keeps everything of an object but its managedFields, and leaves the object alone', () => {
  const slimmer = new Slimmer<Pod>()
  const first = slimmer.slim(pod('a'), undefined)
  const frozen = freezeDeep(pod('b', { node: 'n' }))
  expect(first).toEqual(withoutManagers(pod('a')))
  expect(slimmer.slim(frozen, undefined)).toEqual(withoutManagers(pod('b', { node: 'n' })))
  expect(frozen.metadata?.managedFields).toHaveLength(1)
})

it('shares what an update has left as it was', () => {
  const slimmer = new Slimmer<Pod>()
  const old = slimmer.slim(pod('a'), undefined)
  const next = slimmer.slim(pod('a', { phase: 'Running' }), old)
  expect(next.spec).toBe(old.spec)
  expect(next.metadata).toBe(old.metadata)
  expect(next.status).toEqual({ phase: 'Running' })
  expect(old.status).toEqual({ phase: 'Pending' })
})

it('shares what children of one controller have in common, part by part', () => {
  const slimmer = new Slimmer<Pod>()
  const a = slimmer.slim(pod('a'), undefined)
  slimmer.slim(pod('stranger', { owner: 'another' }), undefined)
  const b = slimmer.slim(pod('b'), undefined)
  expect(b).toEqual(withoutManagers(pod('b')))
  expect(b.metadata?.labels).toBe(a.metadata?.labels)
  expect(b.metadata?.ownerReferences).toBe(a.metadata?.ownerReferences)
  expect(b.spec?.containers[0]?.env).toBe(a.spec?.containers[0]?.env)
  expect(b.spec?.containers[0]?.volumeMounts).toEqual([{ name: 'b', mountPath: '/' }])
  expect(b.status).toBe(a.status)
})

it('tells lists from maps, shorter from longer, and absent from null', () => {
  const slimmer = new Slimmer<{ metadata: object; spec: unknown }>()
  const values = [
    { a: [] },
    { a: {} },
    { a: [1] },
    { a: [1, 2] },
    { a: { b: 1 } },
    { a: { b: 1, c: null } },
    { a: null },
    {},
  ]
  let old: { metadata: object; spec: unknown } | undefined
  for (const spec of [...values, ...values.toReversed()]) {
    old = slimmer.slim({ metadata: {}, spec }, old)
    expect(old.spec).toStrictEqual(spec)
  }
})

it('freezes its copy of what is frozen, so that tests notice who writes to a cache', () => {
  const slimmer = new Slimmer<Pod>()
  const old = slimmer.slim(freezeDeep(pod('a')), undefined)
  const next = slimmer.slim(freezeDeep(pod('b')), old)
  expect([next, next.spec?.containers[0], next.metadata].every(Object.isFrozen)).toBe(true)
})

it('keeps nothing but metadata where no more is wanted', () => {
  const slim = new Slimmer<Pod>({ metadataOnly: true }).slim(pod('a'), undefined)
  expect(Object.keys(slim)).toEqual(['apiVersion', 'kind', 'metadata'])
})
