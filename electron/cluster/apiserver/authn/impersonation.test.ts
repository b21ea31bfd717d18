import { expect, it } from 'vitest'
import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Exchange } from '../transport/exchange.ts'
import { impersonated } from './impersonation.ts'

const listsPods: Omit<Attributes, 'user'> = {
  verb: 'list',
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: '',
  path: '',
}

/** Asks as `user` with these headers, where everything in `allowed` (`verb resource/name`) is allowed. */
function ask(
  headers: Record<string, string | string[]>,
  allowed: string[],
  user: UserInfo = { name: 'bob', groups: [] },
) {
  const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]))
  const exchange = {
    header: (name: string) => all[name]?.join(', '),
    headers: (name: string) => all[name] ?? [],
    headerNames: () => Object.keys(all),
  } as unknown as Exchange
  const asked: string[] = []
  const authorizer = {
    authorize({ verb, resource, subresource, name }: Attributes) {
      const what = `${verb} ${resource}${subresource ? `/${subresource}` : ''} ${name}`.trim()
      asked.push(what)
      return { allowed: allowed.includes(what), reason: '' }
    },
  }
  return { asked, answer: () => impersonated(exchange, authorizer, { ...listsPods, user }) }
}

it('speaks for nobody unless asked to', () => {
  expect(ask({ accept: 'x' }, []).answer()).toBeUndefined()
})

it('lets who may impersonate speak as a user with groups, uid and extra', () => {
  const headers = {
    'impersonate-user': 'jane',
    'impersonate-group': ['devs', 'ops'],
    'impersonate-uid': 'u1',
    'impersonate-extra-example.com%2fproject': 'x',
  }
  const all = ['users jane', 'uids u1', 'groups devs', 'groups ops', 'userextras/example.com/project x']
  const old = all.map((what) => `impersonate ${what}`)
  expect(ask(headers, old).answer()).toEqual({
    user: {
      name: 'jane',
      uid: 'u1',
      groups: ['devs', 'ops', 'system:authenticated'],
      extra: { 'example.com/project': ['x'] },
    },
  })
  for (const missing of old)
    expect(() =>
      ask(
        headers,
        old.filter((each) => each !== missing),
      ).answer(),
    ).toThrow()
})

it('refuses in the words of the first constrained mode', () => {
  expect(() => ask({ 'impersonate-user': 'jane' }, []).answer()).toThrow(
    'pods is forbidden: User "bob" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "a"',
  )
})

it('says what cannot be had without a user', () => {
  expect(() => ask({ 'impersonate-group': 'devs' }, []).answer()).toThrow(
    'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"devs"}, Extra:map[string][]string(nil)} without impersonating a user name',
  )
})

it('gives service accounts their groups, unless some are named, and nobody no proof of identity', () => {
  const allowed = ['impersonate serviceaccounts x', 'impersonate groups g', 'impersonate users system:anonymous']
  const account = { 'impersonate-user': 'system:serviceaccount:n:x' }
  expect(ask(account, allowed).answer()?.user.groups).toEqual([
    'system:serviceaccounts',
    'system:serviceaccounts:n',
    'system:authenticated',
  ])
  expect(ask({ ...account, 'impersonate-group': 'g' }, allowed).answer()?.user.groups).toEqual([
    'g',
    'system:authenticated',
  ])
  expect(ask({ 'impersonate-user': 'system:anonymous' }, allowed).answer()?.user.groups).toEqual([
    'system:unauthenticated',
  ])
})

it('constrains to what may be done in the name of others', () => {
  const jane = { 'impersonate-user': 'jane' }
  const allowed = ['impersonate-on:user-info:list pods', 'impersonate:user-info users jane']
  expect(ask(jane, allowed).answer()).toMatchObject({ user: { name: 'jane' }, constraint: 'impersonate:user-info' })
  expect(() => ask(jane, allowed.slice(1)).answer()).toThrow()
  const masters = { ...jane, 'impersonate-group': 'system:masters' }
  expect(() => ask(masters, [...allowed, 'impersonate:user-info groups system:masters']).answer()).toThrow(
    'impersonating the system:masters group is not allowed',
  )
})

it('lets a pod speak as the node that it runs on, and as no other', () => {
  const user = {
    name: 'system:serviceaccount:kube-system:agent',
    groups: [],
    extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
  }
  const allowed = ['impersonate-on:associated-node:list pods', 'impersonate:associated-node nodes *']
  expect(ask({ 'impersonate-user': 'system:node:n1' }, allowed, user).answer()?.user).toEqual({
    name: 'system:node:n1',
    groups: ['system:nodes', 'system:authenticated'],
  })
  expect(() => ask({ 'impersonate-user': 'system:node:n2' }, allowed, user).answer()).toThrow('arbitrary-node')
})
