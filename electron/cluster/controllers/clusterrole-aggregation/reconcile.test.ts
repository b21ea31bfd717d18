import type { ClusterRole } from 'kubernetes-types/rbac/v1'
import { expect, it } from 'vitest'
import { reconcile } from './reconcile.ts'

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
const role = (name: string, resources: string[], to?: string): ClusterRole => ({
  metadata: { name, ...(to ? { labels: { to } } : {}) },
  rules: resources.map(rule),
})
const view = (...rules: string[]): ClusterRole => ({
  ...role('view', rules, 'edit'),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }, { matchLabels: { to: 'edit' } }] },
})
const written = (aggregating: ClusterRole, ...others: ClusterRole[]) =>
  reconcile({ role: aggregating, all: [aggregating, ...others] }).steps.map((step) => (step as { body?: object }).body)

it('gathers the rules of the roles that it selects, by name, each once, its own left out', () => {
  const others = [role('z', ['pods', 'nodes'], 'view'), role('a', ['nodes'], 'view'), role('b', ['secrets'])]
  expect(written(view('events'), ...others)).toMatchObject([{ rules: [rule('nodes'), rule('pods')] }])
  expect(written(view('nodes', 'pods'), ...others)).toEqual([])
})

it('takes rules away with the roles that brought them', () => {
  expect(written(view('nodes'))).toMatchObject([{ rules: [] }])
})
