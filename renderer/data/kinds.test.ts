// @vitest-environment node
import { expect, it } from 'vitest'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import { findKind, groupKinds, kindId, kindOfReference, presumedKinds, titleOf } from './kinds.ts'

const widget: ResourceInfo = {
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  singular: 'widget',
  kind: 'Widget',
  namespaced: true,
  shortNames: ['wd'],
  categories: [],
  verbs: ['list', 'watch'],
}
const kinds = [...presumedKinds, widget]
const found = (word: string) => findKind(kinds, word) && kindId(findKind(kinds, word)!)

it('finds a kind by the words that kubectl takes', () => {
  expect(['po', 'pods', 'pod', 'Pod', 'deploy', 'deployments.apps', 'wd'].map(found)).toEqual([
    'pods',
    'pods',
    'pods',
    'pods',
    'deployments.apps',
    'deployments.apps',
    'widgets.example.com',
  ])
  expect(found('nonsense')).toBeUndefined()
})

it('puts the eight kinds of the first slice where people look for them', () => {
  const groups = groupKinds(kinds)
  expect(groups.workloads.slice(0, 3).map(kindId)).toEqual(['pods', 'deployments.apps', 'replicasets.apps'])
  expect(groups.network[0]!.kind).toBe('Service')
  expect(groups.config.slice(0, 2).map(kindId)).toEqual(['configmaps', 'secrets'])
  expect(groups.cluster.slice(0, 3).map(kindId)).toEqual(['nodes', 'namespaces', 'events'])
  expect(groups.custom.map(kindId)).toEqual(['widgets.example.com'])
})

it('leaves out what cannot be listed or followed, and the second name of events', () => {
  const events = { ...widget, group: 'events.k8s.io', plural: 'events', kind: 'Event' }
  const review = {
    ...widget,
    group: 'authorization.k8s.io',
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    verbs: ['create'],
  }
  const metrics = { ...widget, group: 'metrics.k8s.io', plural: 'pods', kind: 'PodMetrics', verbs: ['get', 'list'] }
  const all = Object.values(groupKinds([events, review, metrics, widget])).flat()
  expect(all.map(kindId)).toEqual(['widgets.example.com'])
})

it('follows an owner reference to its kind, by group', () => {
  expect(kindOfReference(kinds, 'apps/v1', 'ReplicaSet')?.plural).toBe('replicasets')
  expect(kindOfReference(kinds, 'example.com/v1', 'Widget')?.plural).toBe('widgets')
})

it('writes kinds as words in the plural', () => {
  const title = (kind: string, plural: string) => titleOf({ kind, plural })
  expect(title('ReplicaSet', 'replicasets')).toBe('Replica Sets')
  expect(title('NetworkPolicy', 'networkpolicies')).toBe('Network Policies')
  expect(title('IngressClass', 'ingressclasses')).toBe('Ingress Classes')
  expect(title('Endpoints', 'endpoints')).toBe('Endpoints')
  expect(title('CSIDriver', 'csidrivers')).toBe('CSI Drivers')
})
