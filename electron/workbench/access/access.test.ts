import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from 'kubernetes-types/rbac/v1'
import { expect, it } from 'vitest'
import type { AccessQuestion, AccessSubject } from '#shared/ipc/access.ts'
import type { Policy } from './policy.ts'
import { implicitGroups, knownSubjects, rightsOf } from './rights.ts'
import { holders, whoCan } from './who-can.ts'

const apiGroup = 'rbac.authorization.k8s.io'
const policy = (some: Partial<Policy>): Policy => ({
  roles: [],
  clusterRoles: [],
  roleBindings: [],
  clusterRoleBindings: [],
  unread: [],
  ...some,
})
const rule = (verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  apiGroups: [''],
  resources,
  verbs,
  ...more,
})
const clusterRole = (name: string, rules: PolicyRule[], more: Partial<ClusterRole> = {}): ClusterRole => ({
  metadata: { name },
  rules,
  ...more,
})
const role = (namespace: string, name: string, rules: PolicyRule[]): Role => ({ metadata: { namespace, name }, rules })
const user = (name: string): Subject => ({ kind: 'User', name, apiGroup })
const bound = (name: string, roleName: string, ...subjects: Subject[]): ClusterRoleBinding => ({
  metadata: { name },
  roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
  subjects,
})
const boundIn = (
  namespace: string,
  name: string,
  [kind, roleName]: ['Role' | 'ClusterRole', string],
  ...subjects: Subject[]
): RoleBinding => ({ metadata: { namespace, name }, roleRef: { apiGroup, kind, name: roleName }, subjects })

const ask = (verb: string, resource: string, more: object = {}): AccessQuestion => ({
  verb,
  group: '',
  resource,
  namespaced: true,
  ...more,
})
const who = (some: Policy, question: AccessQuestion) =>
  whoCan(some, question).grants.map(({ subject, namespace, names }) =>
    [
      'namespace' in subject ? `${subject.namespace}/${subject.name}` : subject.name,
      ...(namespace ? [`in ${namespace}`] : []),
      ...(names.length ? [`only ${names.join()}`] : []),
    ].join(' '),
  )
const ofUser = (some: Policy, name: string, groups: string[] = []) => rightsOf(some, { kind: 'User', name }, groups)
const table = ({ rights }: ReturnType<typeof ofUser>) =>
  rights.map(({ namespace, group, resource, path, names, verbs }) =>
    [
      namespace || '*',
      path || `${resource}${group && `.${group}`}${names.length ? `:${names.join()}` : ''}`,
      verbs.join(),
    ].join(' '),
  )

it('counts wildcard verbs, groups and resources, and asks for a wildcard only those who have it', () => {
  const some = policy({
    clusterRoles: [
      clusterRole('all', [rule(['*'], ['*'], { apiGroups: ['*'] })]),
      clusterRole('pods', [rule(['*'], ['pods'])]),
    ],
    clusterRoleBindings: [bound('a', 'all', user('root')), bound('b', 'pods', user('jane'))],
  })
  expect(who(some, ask('eat', 'pods'))).toEqual(['jane', 'root'])
  expect(who(some, ask('get', 'widgets', { group: 'example.com' }))).toEqual(['root'])
  expect(who(some, ask('*', '*'))).toEqual(['root'])
  expect(who(some, ask('*', 'pods'))).toEqual(['jane', 'root'])
})

it('takes */scale for the scale of everything, and a resource for none of its subresources', () => {
  const some = policy({
    clusterRoles: [
      clusterRole('scaler', [rule(['update'], ['*/scale'], { apiGroups: ['apps'] })]),
      clusterRole('deployer', [rule(['update'], ['deployments'], { apiGroups: ['apps'] })]),
    ],
    clusterRoleBindings: [bound('a', 'scaler', user('scaler')), bound('b', 'deployer', user('deployer'))],
  })
  const deployments = (more: object = {}) => ask('update', 'deployments', { group: 'apps', ...more })
  expect(who(some, deployments({ subresource: 'scale' }))).toEqual(['scaler'])
  expect(who(some, deployments({ subresource: 'status' }))).toEqual([])
  expect(who(some, deployments())).toEqual(['deployer'])
})

it('says for which objects alone a rule with resourceNames grants, and that it grants them by name', () => {
  const some = policy({
    clusterRoles: [clusterRole('one', [rule(['get'], ['secrets'], { resourceNames: ['web', 'login'] })])],
    clusterRoleBindings: [bound('a', 'one', user('jane'))],
  })
  expect(who(some, ask('get', 'secrets'))).toEqual(['jane only login,web'])
  expect(who(some, ask('get', 'secrets', { name: 'web' }))).toEqual(['jane only login,web'])
  expect(who(some, ask('get', 'secrets', { name: 'other' }))).toEqual([])
  expect(table(ofUser(some, 'jane'))).toEqual(['* secrets:login,web get'])
})

it('does not limit to names whom another rule of the same role gives all', () => {
  const rules = [rule(['get'], ['secrets'], { resourceNames: ['web'] }), rule(['get', 'list'], ['secrets'])]
  const some = policy({
    clusterRoles: [clusterRole('both', rules)],
    clusterRoleBindings: [bound('a', 'both', user('jane'))],
  })
  expect(who(some, ask('get', 'secrets'))).toEqual(['jane'])
})

it('lets a RoleBinding to a ClusterRole grant in its namespace only, and nothing that is of no namespace', () => {
  const rules = [rule(['get'], ['pods', 'nodes']), { verbs: ['get'], nonResourceURLs: ['/metrics'] }]
  const some = policy({
    clusterRoles: [clusterRole('view', rules)],
    roleBindings: [boundIn('shop', 'a', ['ClusterRole', 'view'], user('jane'))],
  })
  expect(who(some, ask('get', 'pods', { namespace: 'shop' }))).toEqual(['jane in shop'])
  expect(who(some, ask('get', 'pods', { namespace: 'other' }))).toEqual([])
  expect(who(some, ask('get', 'pods'))).toEqual(['jane in shop'])
  expect(who(some, ask('get', 'nodes', { namespaced: false }))).toEqual([])
  expect(who(some, { verb: 'get', path: '/metrics' })).toEqual([])
  expect(table(ofUser(some, 'jane'))).toEqual(['shop nodes get', 'shop pods get'])
})

it('lets a ClusterRoleBinding grant in every namespace, and outside of them', () => {
  const some = policy({
    clusterRoles: [clusterRole('view', [rule(['get'], ['pods', 'nodes'])])],
    clusterRoleBindings: [bound('a', 'view', user('jane'))],
  })
  expect(who(some, ask('get', 'pods', { namespace: 'shop' }))).toEqual(['jane'])
  expect(who(some, ask('get', 'nodes', { namespaced: false }))).toEqual(['jane'])
})

it('lets a RoleBinding grant the namespace that it is in, as a request for one by its name is made in it', () => {
  const some = policy({
    roles: [role('shop', 'own', [rule(['get', 'list'], ['namespaces'])])],
    roleBindings: [boundIn('shop', 'a', ['Role', 'own'], user('jane'))],
  })
  const ofNamespaces = (verb: string, more: object = {}) => ask(verb, 'namespaces', { namespaced: false, ...more })
  expect(who(some, ofNamespaces('get', { name: 'shop' }))).toEqual(['jane in shop'])
  expect(who(some, ofNamespaces('get', { name: 'other' }))).toEqual([])
  expect(who(some, ofNamespaces('list'))).toEqual([])
})

it('does not mistake a Role for one of the same name in another namespace', () => {
  const some = policy({
    roles: [role('a', 'edit', [rule(['get'], ['pods'])]), role('b', 'edit', [])],
    roleBindings: [boundIn('b', 'x', ['Role', 'edit'], user('jane'))],
  })
  expect(who(some, ask('get', 'pods'))).toEqual([])
  expect(holders(some, { kind: 'Role', namespace: 'a', name: 'edit' }).grants).toEqual([])
  expect(holders(some, { kind: 'Role', namespace: 'b', name: 'edit' }).grants).toMatchObject([
    { subject: { name: 'jane' } },
  ])
})

it('takes a service account without a namespace for one of the binding’s, and for nobody in a ClusterRoleBinding', () => {
  const account: Subject = { kind: 'ServiceAccount', name: 'bot' }
  const some = policy({
    clusterRoles: [clusterRole('view', [rule(['get'], ['pods'])])],
    roleBindings: [boundIn('shop', 'a', ['ClusterRole', 'view'], account)],
    clusterRoleBindings: [bound('b', 'view', account)],
  })
  expect(who(some, ask('get', 'pods'))).toEqual(['shop/bot in shop'])
  const bot: AccessSubject = { kind: 'ServiceAccount', namespace: 'shop', name: 'bot' }
  expect(table(rightsOf(some, bot, []))).toEqual(['shop pods get'])
})

it('knows a service account by the name that it has as a user', () => {
  const some = policy({
    clusterRoles: [clusterRole('view', [rule(['get'], ['pods'])])],
    clusterRoleBindings: [bound('a', 'view', user('system:serviceaccount:shop:bot'))],
  })
  const bot: AccessSubject = { kind: 'ServiceAccount', namespace: 'shop', name: 'bot' }
  expect(table(rightsOf(some, bot, []))).toEqual(['* pods get'])
  expect(table(ofUser(some, 'system:serviceaccount:shop:bot'))).toEqual(['* pods get'])
  expect(knownSubjects(some)).toEqual([bot])
})

it('counts for an aggregated ClusterRole what it is made of, once, and says from where', () => {
  const selecting = (label: string) => ({ clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] })
  const pods = rule(['get'], ['pods'])
  const some = policy({
    clusterRoles: [
      // As the controller has left it: the rules of its parts are its own by now.
      clusterRole('admin', [{ verbs: ['get'], resources: ['pods'], apiGroups: [''] }], {
        aggregationRule: selecting('to-admin'),
      }),
      clusterRole('edit', [], {
        metadata: { name: 'edit', labels: { 'to-admin': 'true' } },
        aggregationRule: selecting('to-edit'),
      }),
      clusterRole('pods', [pods], { metadata: { name: 'pods', labels: { 'to-edit': 'true' } } }),
    ],
    clusterRoleBindings: [bound('a', 'admin', user('jane')), bound('b', 'pods', user('joe'))],
  })
  expect(whoCan(some, ask('get', 'pods')).grants).toMatchObject([
    { subject: { name: 'jane' }, role: { name: 'admin' }, from: ['pods'] },
    { subject: { name: 'joe' }, role: { name: 'pods' }, from: [] },
  ])
})

it('ends where aggregated roles are made of each other', () => {
  const labelled = (name: string, from: string, to: string) =>
    clusterRole(name, [], {
      metadata: { name, labels: { [to]: 'true' } },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [from]: 'true' } }] },
    })
  const some = policy({
    clusterRoles: [labelled('a', 'x', 'y'), labelled('b', 'y', 'x')],
    clusterRoleBindings: [bound('a', 'a', user('jane'))],
  })
  expect(who(some, ask('get', 'pods'))).toEqual([])
})

it('takes a trailing * of nonResourceURLs for everything below, and any other for itself', () => {
  const some = policy({
    clusterRoles: [
      clusterRole('health', [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }]),
      clusterRole('odd', [{ verbs: ['get'], nonResourceURLs: ['/heal*z'] }]),
      clusterRole('every', [{ verbs: ['*'], nonResourceURLs: ['*'] }]),
    ],
    clusterRoleBindings: [
      bound('a', 'health', user('jane')),
      bound('b', 'odd', user('joe')),
      bound('c', 'every', user('root')),
    ],
  })
  expect(who(some, { verb: 'get', path: '/healthz/etcd' })).toEqual(['jane', 'root'])
  expect(who(some, { verb: 'get', path: '/healthz' })).toEqual(['root'])
  expect(who(some, ask('get', 'pods'))).toEqual([])
})

it('counts the groups that everybody, and each kind of subject, is in', () => {
  const some = policy({
    clusterRoles: [clusterRole('view', [rule(['get'], ['pods'])]), clusterRole('hi', [rule(['list'], ['pods'])])],
    clusterRoleBindings: [
      bound('a', 'view', { kind: 'Group', name: 'system:serviceaccounts:shop' }),
      bound('b', 'hi', { kind: 'Group', name: 'system:authenticated' }),
    ],
  })
  const bot: AccessSubject = { kind: 'ServiceAccount', namespace: 'shop', name: 'bot' }
  expect(rightsOf(some, bot, [])).toMatchObject({
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    rights: [{ resource: 'pods', verbs: ['get', 'list'], sources: [0, 1] }],
    bindings: [{ through: { name: 'system:serviceaccounts:shop' } }, { through: { name: 'system:authenticated' } }],
  })
  expect(table(ofUser(some, 'jane'))).toEqual(['* pods list'])
  expect(table(ofUser(some, 'system:anonymous'))).toEqual([])
  expect(implicitGroups({ kind: 'Group', name: 'system:unauthenticated' })).toEqual(['system:unauthenticated'])
})

it('says that system:masters may do everything, though no binding says so', () => {
  expect(ofUser(policy({}), 'root', ['system:masters'])).toMatchObject({ everything: true, rights: [] })
  expect(ofUser(policy({}), 'jane', ['devs'])).toMatchObject({ everything: false })
})

it('puts the verbs of all bindings to a resource into one line, in the order of use, and * for all of them', () => {
  const some = policy({
    clusterRoles: [
      clusterRole('a', [rule(['watch', 'eat', 'list', 'get'], ['pods'])]),
      clusterRole('b', [rule(['get', 'delete'], ['pods', 'secrets'])]),
      clusterRole('c', [rule(['*'], ['secrets'])]),
    ],
    clusterRoleBindings: [bound('a', 'a', user('jane')), bound('b', 'b', user('jane')), bound('c', 'c', user('jane'))],
  })
  expect(table(ofUser(some, 'jane'))).toEqual(['* pods get,list,watch,delete,eat', '* secrets *'])
})

it('tells a binding whose role is missing from one whose role could not be read', () => {
  const bindings = [bound('a', 'gone', user('jane'))]
  expect(ofUser(policy({ clusterRoleBindings: bindings }), 'jane').bindings).toMatchObject([{ lacks: 'missing' }])
  const unread = [{ plural: 'clusterroles' as const, message: 'no' }]
  expect(ofUser(policy({ clusterRoleBindings: bindings, unread }), 'jane').bindings).toMatchObject([
    { lacks: 'unread' },
  ])
})
