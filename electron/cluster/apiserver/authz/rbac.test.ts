import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { UserInfo } from '../registry/kind.ts'
import { smallCore } from '../testing/small-core.ts'
import { anyOf, authorizeOrThrow, mastersAuthorizer, type Attributes } from './authorizer.ts'
import { RbacAuthorizer } from './rbac.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const role = (kind: string, name: string, rules: object[], more = {}) =>
  ({ apiVersion, kind, metadata: { name }, rules, ...more }) as KubeObject
const binding = (kind: string, name: string, roleRef: object, ...subjects: object[]) =>
  ({ apiVersion, kind, metadata: { name }, roleRef, subjects }) as KubeObject
const readPods = [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }]

const ask = (user: UserInfo, verb: string, more: Partial<Attributes> = {}): Attributes => ({
  user,
  verb,
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: '',
  path: '',
  ...more,
})
const jane: UserInfo = { name: 'jane', groups: ['devs'] }

it('follows roles and bindings as they come and go', async () => {
  const small = smallCore()
  const rbac = new RbacAuthorizer(small.core.kinds)
  const may = (verb: string, more = {}) => rbac.authorize(ask(jane, verb, more)).allowed
  expect(may('get')).toBe(false)
  await small.create(binding('RoleBinding', 'devs', { kind: 'Role', name: 'reader' }, { kind: 'Group', name: 'devs' }))
  expect(rbac.authorize(ask(jane, 'get'))).toEqual({
    allowed: false,
    reason: 'RBAC: role.rbac.authorization.k8s.io "reader" not found',
  })
  await small.create(role('Role', 'reader', readPods))
  expect(may('get')).toBe(true)
  expect(may('get', { subresource: 'log' })).toBe(true)
  expect(may('get', { subresource: 'exec' })).toBe(false)
  expect(may('delete')).toBe(false)
  expect(may('get', { namespace: 'b' })).toBe(false)
  expect(may('get', { namespace: '' })).toBe(false)
  const { objects } = small.kind('rolebindings')
  const entry = objects.get('/registry/rolebindings/a/devs')!
  await objects.remove(entry.key, entry.revision, objects.copy(entry))
  expect(may('get')).toBe(false)
})

it('knows service accounts, names of objects, paths and wildcards', async () => {
  const small = smallCore()
  await small.create(
    role('ClusterRole', 'one', [
      { apiGroups: ['*'], resources: ['pods'], resourceNames: ['x'], verbs: ['*'] },
      { nonResourceURLs: ['/metrics/*'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['*/scale'], verbs: ['patch'] },
    ]),
  )
  await small.create(
    binding(
      'ClusterRoleBinding',
      'one',
      { kind: 'ClusterRole', name: 'one' },
      { kind: 'ServiceAccount', name: 'builder', namespace: 'a' },
    ),
  )
  const rbac = new RbacAuthorizer(small.core.kinds)
  const builder: UserInfo = { name: 'system:serviceaccount:a:builder', groups: [] }
  const may = (verb: string, more: Partial<Attributes>) => rbac.authorize(ask(builder, verb, more)).allowed
  expect(may('delete', { name: 'x' })).toBe(true)
  expect(may('delete', { name: 'y' })).toBe(false)
  expect(may('list', {})).toBe(false)
  expect(may('get', { isResource: false, path: '/metrics/cadvisor' })).toBe(true)
  expect(may('get', { isResource: false, path: '/metrics' })).toBe(false)
  expect(may('patch', { group: 'apps', resource: 'deployments', subresource: 'scale' })).toBe(true)
  expect(may('patch', { group: 'apps', resource: 'deployments' })).toBe(false)
})

it('lets aggregated roles grant what the roles they select grant', async () => {
  const small = smallCore()
  await small.create(
    role('ClusterRole', 'view', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }] } }),
  )
  await small.create(
    binding('ClusterRoleBinding', 'view', { kind: 'ClusterRole', name: 'view' }, { kind: 'User', name: 'jane' }),
  )
  const rbac = new RbacAuthorizer(small.core.kinds)
  expect(rbac.authorize(ask(jane, 'get')).allowed).toBe(false)
  await small.create({ ...role('ClusterRole', 'pods', readPods), metadata: { name: 'pods', labels: { to: 'view' } } })
  expect(rbac.authorize(ask(jane, 'get')).allowed).toBe(true)
})

it('says by which binding', async () => {
  const small = smallCore()
  await small.create(role('ClusterRole', 'reader', readPods))
  await small.create(
    binding('RoleBinding', 'devs', { kind: 'ClusterRole', name: 'reader' }, { kind: 'Group', name: 'devs' }),
  )
  expect(new RbacAuthorizer(small.core.kinds).authorize(ask(jane, 'get'))).toEqual({
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "devs/a" of ClusterRole "reader" to Group "devs"',
  })
})

it('lets masters do everything', () => {
  const all = anyOf(mastersAuthorizer)
  expect(all.authorize(ask({ name: 'root', groups: ['system:masters'] }, 'delete')).allowed).toBe(true)
})

it.each([
  [{}, 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "a"'],
  [
    { name: 'x', subresource: 'log' },
    'pods "x" is forbidden: User "jane" cannot list resource "pods/log" in API group "" in the namespace "a"',
  ],
  [
    { namespace: '', group: 'apps', resource: 'deployments' },
    'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
  ],
  [{ isResource: false, path: '/metrics' }, 'forbidden: User "jane" cannot list path "/metrics"'],
])('refuses in the words of the real server', (more, message) => {
  expect(() =>
    authorizeOrThrow({ authorize: () => ({ allowed: false, reason: '' }) }, ask(jane, 'list', more)),
  ).toThrow(message)
})
