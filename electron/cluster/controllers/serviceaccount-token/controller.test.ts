import type { Secret } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { secrets, serviceAccounts } from '#shared/kube/resources.ts'
import { harness } from '../framework/testing/harness.ts'
import { serviceAccountTokenController } from './controller.ts'

const account = (uid: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'builder', namespace: 'a', uid },
})
const secret = (annotations: Record<string, string> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 's',
    namespace: 'a',
    annotations: { 'kubernetes.io/service-account.name': 'builder', ...annotations },
  },
  type: 'kubernetes.io/service-account-token',
})
const start = (...objects: object[]) =>
  harness(
    (parts) => [
      serviceAccountTokenController({
        ...parts,
        rootCa: 'PEM',
        sign: ({ name, uid }, held) => `${name} ${uid} ${held}`,
      }),
    ],
    objects,
  )
const decoded = (text: string | undefined) => Buffer.from(text ?? '', 'base64').toString()
const key = { namespace: 'a', name: 's' }

it('fills a secret that names a service account', async () => {
  await using h = await start(account('u1'), secret())
  const { data, metadata } = h.client.find(secrets, key)!
  expect([decoded(data?.token), decoded(data?.namespace), decoded(data?.['ca.crt'])]).toEqual([
    'builder u1 s',
    'a',
    'PEM',
  ])
  expect(metadata?.annotations?.['kubernetes.io/service-account.uid']).toBe('u1')
  expect(h.client.writes('update')).toHaveLength(1)
})

it('removes the secrets of an account that is gone', async () => {
  await using h = await start(account('u1'), secret())
  h.client.remove(serviceAccounts, { namespace: 'a', name: 'builder' })
  await h.run(10)
  expect(h.client.find(secrets, key)).toBeUndefined()
})

it('does not give an account the tokens of one that had its name', async () => {
  await using h = await start(account('u2'), secret({ 'kubernetes.io/service-account.uid': 'u1' }))
  expect(h.client.find(secrets, key)).toBeUndefined()
})
