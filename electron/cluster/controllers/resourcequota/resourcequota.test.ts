import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { configMaps, pods, resourceQuotas, type ResourceType } from '#shared/kube/resources.ts'
import type { ServedResource } from '../../client/api.ts'
import { deployment, pod, service } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { resourceQuotaController } from './controller.ts'

const key = (name: string) => ({ namespace: 'default', name })
const widgets: ResourceType = {
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}
const definitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const verbs = ['create', 'delete', 'list', 'watch']

async function start(...objects: KubeObject[]) {
  const served: ServedResource[] = Object.values(resources)
    .filter((type) => typeof type === 'object')
    .map((type) => ({ ...type, verbs }))
  let asked = 0
  const discovery = {
    async resources() {
      asked++
      return { resources: served, failures: [] }
    },
  }
  const h = await harness((parts) => [resourceQuotaController({ ...parts, discovery })], objects)
  h.client.register(widgets)
  h.client.register(definitions)
  return Object.assign(h, {
    served,
    asked: () => asked,
    used: (name = 'quota') => h.client.find(resourceQuotas, key(name))?.status?.used,
  })
}

const quota = (hard: object, more: object = {}, name = 'quota'): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name, namespace: 'default', uid: name },
  spec: { hard: hard as Record<string, never>, ...more },
})
const asking = (name: string, cpu: string, parts: Partial<Pod> = {}) =>
  pod(name, { spec: { containers: [{ name: 'c', resources: { requests: { cpu: cpu as never } } }] }, ...parts })
const configMap = (name: string, namespace = 'default') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, uid: `${namespace}-${name}` },
})

it('tells what a namespace uses of all that a quota limits, zeros included', async () => {
  const hard = {
    pods: '10',
    'requests.cpu': '4',
    'limits.memory': '1Gi',
    services: '5',
    'services.nodeports': '1',
    'count/deployments.apps': '3',
    configmaps: '9',
    'requests.storage': '10Gi',
  }
  await using h = await start(
    quota(hard),
    asking('a', '250m'),
    asking('b', '1'),
    service('web'),
    deployment('web'),
    configMap('one'),
    configMap('elsewhere', 'other'),
  )
  expect(h.client.find(resourceQuotas, key('quota'))?.status).toEqual({
    hard,
    used: {
      pods: '2',
      'requests.cpu': '1250m',
      'limits.memory': '0',
      services: '1',
      'services.nodeports': '0',
      'count/deployments.apps': '1',
      configmaps: '1',
      'requests.storage': '0',
    },
  })
})

it('follows objects as they come, end and go', async () => {
  await using h = await start(quota({ pods: '9', 'count/pods': '9', cpu: '9', 'count/configmaps': '9' }))
  const seen: unknown[] = []
  const step = async (act: () => unknown) => {
    await act()
    await h.run(10)
    seen.push(Object.values(h.used() ?? {}).join(' '))
  }
  await step(() => h.client.seed(asking('a', '1')))
  await step(() => h.client.seed(asking('b', '500m')))
  await step(() => h.client.change(pods, key('a'), (each) => Object.assign(each, { status: { phase: 'Succeeded' } })))
  await step(() => h.client.seed(configMap('one') as KubeObject))
  await step(() => h.client.remove(pods, key('b')))
  await step(() => h.client.remove(configMaps, key('one')))
  expect(seen).toEqual(['1 1 1 0', '2 2 1500m 0', '1 2 500m 0', '1 2 500m 1', '0 1 0 1', '0 1 0 0'])
})

it('counts a pod that nobody can end until twice its grace is over, and then no more', async () => {
  await using h = await start(quota({ pods: '9' }), asking('a', '1', { spec: { nodeName: 'gone', containers: [] } }))
  await h.client.delete(pods, key('a'), { gracePeriodSeconds: 30 })
  await h.run(59_000)
  expect(h.used()).toEqual({ pods: '1' })
  await h.run(2_000)
  expect(h.used()).toEqual({ pods: '0' })
})

it('counts for each quota what is in its scopes', async () => {
  const high = { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] }
  await using h = await start(
    quota({ pods: '9' }, { scopes: ['BestEffort'] }, 'lazy'),
    quota({ pods: '9', 'requests.cpu': '9' }, { scopeSelector: high }, 'important'),
    quota({ pods: '9' }, { scopes: ['Terminating', 'NotBestEffort'] }, 'short'),
    pod('a', { spec: { containers: [{ name: 'c' }] } }),
    asking('b', '2', { spec: { ...asking('b', '2').spec!, priorityClassName: 'high' } }),
    asking('c', '3', { spec: { ...asking('c', '3').spec!, activeDeadlineSeconds: 60 } }),
  )
  expect([h.used('lazy'), h.used('important'), h.used('short')]).toEqual([
    { pods: '1' },
    { pods: '1', 'requests.cpu': '2' },
    { pods: '1' },
  ])
})

it('takes up a changed limit, and writes nothing while nothing changes', async () => {
  await using h = await start(quota({ pods: '9' }), asking('a', '1'))
  h.client.actions.length = 0
  h.client.change(pods, key('a'), (each) => Object.assign(each, { status: { phase: 'Running' } }))
  h.client.change(resourceQuotas, key('quota'), (each) => (each.metadata!.labels = { a: 'b' }))
  await h.run(1000)
  expect(h.client.writes()).toEqual([])
  h.client.change(resourceQuotas, key('quota'), (each) => (each.spec!.hard = { 'requests.cpu': '4' } as never))
  await h.run(10)
  expect(h.client.find(resourceQuotas, key('quota'))?.status).toEqual({
    hard: { 'requests.cpu': '4' },
    used: { 'requests.cpu': '1' },
  })
})

it('sets right what others wrote into status', async () => {
  await using h = await start(quota({ pods: '9' }), asking('a', '1'))
  h.client.change(resourceQuotas, key('quota'), (each) => Object.assign(each.status!, { used: { pods: '7' } }))
  await h.run(10)
  expect(h.used()).toEqual({ pods: '1' })
})

it('says nothing of what nobody can count, and counts a custom kind when it is there', async () => {
  await using h = await start(quota({ 'count/widgets.example.com': '3', pods: '9' }))
  expect(h.used()).toEqual({ pods: '0' })
  h.served.push({ ...widgets, verbs })
  h.client.seed({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets' },
  })
  h.client.seed({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' } })
  await h.run(1_500)
  expect(h.used()).toEqual({ 'count/widgets.example.com': '1', pods: '0' })
  h.client.remove(widgets, key('w'))
  await h.run(10)
  expect(h.used()).toEqual({ 'count/widgets.example.com': '0', pods: '0' })
})

it('asks what is served once, and watches only kinds that a quota limits', async () => {
  await using h = await start(quota({ pods: '9' }), quota({ secrets: '9' }, {}, 'other'))
  for (let i = 0; i < 20; i++) {
    h.client.seed(asking(`p${i}`, '1'))
    await h.run(5)
  }
  const watched = new Set(h.client.actions.filter(({ verb }) => verb === 'watch').map(({ resource }) => resource))
  expect([h.asked() <= 2, [...watched].sort()]).toEqual([
    true,
    ['customresourcedefinitions', 'pods', 'resourcequotas', 'secrets'],
  ])
})

it('gathers a burst of pods into few looks', async () => {
  const many = Array.from({ length: 2000 }, (_, i) => asking(`p${i}`, '10m'))
  await using h = await start(quota({ pods: '9999', 'requests.cpu': '999' }), ...many)
  h.client.actions.length = 0
  for (let i = 0; i < 500; i++) h.client.seed(asking(`more${i}`, '10m'))
  await h.run(1000)
  expect(h.used()).toEqual({ pods: '2500', 'requests.cpu': '25' })
  expect(h.client.writes('update').length).toBeLessThan(4)
})
