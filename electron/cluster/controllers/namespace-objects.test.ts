import { expect, it } from 'vitest'
import { configMaps, namespaces, serviceAccounts } from '#shared/kube/resources.ts'
import { statusFailure } from '#shared/kube/status.ts'
import { rootCaPublisher } from './root-ca-publisher/controller.ts'
import { serviceAccountController } from './serviceaccount/controller.ts'
import { namespace } from './framework/testing/builders.ts'
import { harness } from './framework/testing/harness.ts'

const start = () =>
  harness((parts) => [serviceAccountController(parts), rootCaPublisher({ ...parts, rootCa: 'PEM' })], [namespace('a')])
type H = Awaited<ReturnType<typeof start>>
const account = { namespace: 'a', name: 'default' }
const map = { namespace: 'a', name: 'kube-root-ca.crt' }
const creates = (h: H) => h.client.writes('create').map((a) => `${a.resource} ${a.namespace}/${a.name}`)

it('gives every namespace a default service account and the root certificate', async () => {
  await using h = await start()
  h.client.seed(namespace('b'))
  await h.run()
  expect(creates(h).sort()).toEqual([
    'configmaps a/kube-root-ca.crt',
    'configmaps b/kube-root-ca.crt',
    'serviceaccounts a/default',
    'serviceaccounts b/default',
  ])
  expect(h.client.find(configMaps, map)?.data).toEqual({ 'ca.crt': 'PEM' })
})

it('restores them when they are deleted or changed', async () => {
  await using h = await start()
  h.client.remove(serviceAccounts, account)
  h.client.change(configMaps, map, (m) => (m.data = { 'ca.crt': 'forged', more: 'x' }))
  await h.run()
  expect(h.client.find(serviceAccounts, account)).toBeDefined()
  expect(h.client.find(configMaps, map)?.data).toEqual({ 'ca.crt': 'PEM' })
})

it('creates nothing in a namespace that is ending, and takes a refusal for that reason calmly', async () => {
  await using h = await start()
  h.client.change(namespaces, { name: 'a' }, (n) => {
    Object.assign(n.metadata!, { deletionTimestamp: '2026-01-01T00:00:00Z' })
    Object.assign(n.status!, { phase: 'Terminating' })
  })
  h.client.remove(serviceAccounts, account)
  h.client.remove(configMaps, map)
  h.client.react('create', '*', () => {
    throw statusFailure(403, 'Forbidden', 'ending', { causes: [{ reason: 'NamespaceTerminating' }] })
  })
  h.client.seed(namespace('c'))
  await h.run(60_000)
  expect(creates(h).slice(2).sort()).toEqual(['configmaps c/kube-root-ca.crt', 'serviceaccounts c/default'])
})
