import type { Secret, ServiceAccount } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods, secrets } from '#shared/kube/resources.ts'
import { pod } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { legacyTokenCleaner } from './controller.ts'

const day = 24 * 3600_000
const year = 365 * day
const key = { namespace: 'default', name: 'old' }
const tracking = (since: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
    data: { since },
  }) as KubeObject
const account = (listed = ['old']): ServiceAccount => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { namespace: 'default', name: 'robot', uid: 'robot-uid' },
  secrets: listed.map((name) => ({ name })),
})
const token = (labels: Record<string, string> = {}, annotations: Record<string, string> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/service-account-token',
  metadata: {
    ...key,
    uid: 'old-uid',
    creationTimestamp: '2020-01-01T00:00:00Z',
    labels,
    annotations: {
      'kubernetes.io/service-account.name': 'robot',
      'kubernetes.io/service-account.uid': 'robot-uid',
      ...annotations,
    },
  },
})
const start = (...objects: KubeObject[]) => harness((parts) => [legacyTokenCleaner(parts)], objects)
const invalid = (h: Harness) =>
  h.client.find(secrets, key)?.metadata?.labels?.['kubernetes.io/legacy-token-invalid-since']
const today = (h: Harness) => new Date(h.clock.now()).toISOString().slice(0, 10)
const old = '2021-01-01'

it('calls an unused token invalid, and deletes it a year later', async () => {
  await using h = await start(tracking(old), account(), token())
  expect(invalid(h)).toBe(today(h))
  await h.run(year - day)
  expect(h.client.find(secrets, key)).toBeDefined()
  await h.run(3 * day)
  expect(h.client.find(secrets, key)).toBeUndefined()
})

it('waits until use has been written down for a year and a day', async () => {
  await using probe = await start()
  const since = today(probe)
  await using h = await start(tracking(since), account(), token())
  await h.run(year)
  expect(invalid(h)).toBeUndefined()
  await h.run(2 * day)
  expect(invalid(h)).toBeDefined()
})

describe('a token is left alone', () => {
  it.each<[string, KubeObject[]]>([
    [
      'that was used this year',
      [tracking(old), account(), token({ 'kubernetes.io/legacy-token-last-used': '2999-01-01' })],
    ],
    [
      'whose last use cannot be read',
      [tracking(old), account(), token({ 'kubernetes.io/legacy-token-last-used': 'x' })],
    ],
    ['that somebody asked for: no account lists it', [tracking(old), account([]), token()]],
    ['of an account that is gone', [tracking(old), token()]],
    [
      'of an earlier account of that name',
      [tracking(old), account(), token({}, { 'kubernetes.io/service-account.uid': 'earlier' })],
    ],
    ['while nobody writes down who uses tokens', [account(), token()]],
  ])('%s', async (_, objects) => {
    await using h = await start(...objects)
    await h.run(day)
    expect(invalid(h)).toBeUndefined()
  })

  it.each([
    ['as a volume', { volumes: [{ name: 'v', secret: { secretName: 'old' } }] }],
    ['in a projected volume', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 'old' } }] } }] }],
    [
      'as a variable',
      { containers: [{ name: 'c', env: [{ name: 'T', valueFrom: { secretKeyRef: { name: 'old', key: 'token' } } }] }] },
    ],
    ['to pull images', { imagePullSecrets: [{ name: 'old' }] }],
  ])('while a pod uses it %s', async (_, spec) => {
    await using h = await start(
      tracking(old),
      account(),
      token(),
      pod('p', { spec: { containers: [], ...spec } as never }),
    )
    await h.run(day)
    expect(invalid(h)).toBeUndefined()
    h.client.remove(pods, { namespace: 'default', name: 'p' })
    await h.run(2 * day)
    expect(invalid(h)).toBeDefined()
  })
})

it('deletes no token that was used at the last moment', async () => {
  await using h = await start(
    tracking(old),
    account(),
    token({ 'kubernetes.io/legacy-token-invalid-since': '2021-01-02' }),
  )
  expect(h.client.find(secrets, key)).toBeUndefined()
  const label = { 'kubernetes.io/legacy-token-invalid-since': '2021-01-02' }
  const end = h.client.react('delete', 'secrets', () => {
    end()
    h.client.change(secrets, key, (s) => (s.metadata!.labels = { 'kubernetes.io/legacy-token-last-used': today(h) }))
    return undefined
  })
  h.client.seed(token(label))
  await h.run(2 * day)
  expect(h.client.find(secrets, key)).toBeDefined()
})
