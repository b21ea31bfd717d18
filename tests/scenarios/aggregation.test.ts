import { afterAll, beforeAll, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { extensionServer } from '../support/extension-server.ts'

let cluster: TestCluster
let extension: AsyncDisposable
const version = 'weather.example.com/v1'

const reading = (name: string, user: string) => ({
  apiVersion: version,
  kind: 'Reading',
  metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z', labels: { asker: user } },
})
const resources = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: version,
  resources: [
    {
      name: 'readings',
      singularName: 'reading',
      namespaced: true,
      kind: 'Reading',
      shortNames: ['rd'],
      verbs: ['get', 'list'],
    },
  ],
}

/** A small API server: one kind, read only. */
function answer(url: string, user: string): object | undefined {
  const at = `/apis/${version}`
  if (url === at) return resources
  if (url.startsWith(`${at}/namespaces/default/readings/`)) return reading(url.split('/').at(-1)!, user)
  if (url.startsWith(`${at}/namespaces/default/readings`))
    return { apiVersion: version, kind: 'ReadingList', metadata: {}, items: [reading('outside', user)] }
  return undefined
}

beforeAll(async () => {
  cluster = await up(['--bare'])
  extension = await extensionServer(cluster, { group: 'weather.example.com', version: 'v1', answer })
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  await extension?.[Symbol.asyncDispose]()
})

it('serves what another API server has as if it were its own', async () => {
  const k = cluster.kubectl
  await k('wait', 'apiservice/v1.weather.example.com', '--for', 'condition=Available', '--timeout', '20s')
  expect(await k('get', 'apiservice', 'v1.weather.example.com')).toMatch(/default\/weather-example-com\s+True/)
  expect(await k('api-resources', '--api-group', 'weather.example.com')).toMatch(
    /readings\s+rd\s+weather.example.com\/v1\s+true\s+Reading/,
  )
  expect(await k('get', 'readings')).toContain('outside')
  expect(await k('get', 'rd', 'inside', '-o', 'jsonpath={.metadata.labels.asker}')).toBe('kubernetes-admin')
})

it('keeps its own rules of access in front of it', async () => {
  const { stderr } = await cluster.kubectl.run(['get', 'readings', '--as', 'jane'])
  expect(stderr).toContain('User "jane" cannot list resource "readings" in API group "weather.example.com"')
  await cluster.kubectl(
    'create',
    'clusterrole',
    'weather',
    '--verb',
    'get',
    '--resource',
    'readings.weather.example.com',
  )
  await cluster.kubectl('create', 'clusterrolebinding', 'weather', '--clusterrole', 'weather', '--user', 'jane')
  const asked = await cluster.kubectl('get', 'rd', 'x', '-o', 'jsonpath={.metadata.labels.asker}', '--as', 'jane')
  expect(asked).toBe('jane')
})

it('says that it is not available once it is gone', async () => {
  await extension[Symbol.asyncDispose]()
  const { stderr } = await cluster.kubectl.run(['get', '--raw', `/apis/${version}/namespaces/default/readings`])
  expect(stderr).toMatch(/error trying to reach service|service unavailable|unable to handle the request/)
  await cluster.kubectl(
    'wait',
    'apiservice/v1.weather.example.com',
    '--for',
    'condition=Available=False',
    '--timeout',
    '30s',
  )
  expect(await cluster.kubectl('get', 'apiservice', 'v1.weather.example.com')).toContain('False (FailedDiscoveryCheck)')
})
