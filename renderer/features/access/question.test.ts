// @vitest-environment node
import { expect, it } from 'vitest'
import { presumedKinds } from '../../data/kinds.ts'
import { addressOf, parseResource, parseSubject, questionOf, rightsLine, whoCanLine } from './question.ts'

const parse = (text: string) => parseResource(text, presumedKinds)
const asked = (text: string, name = '', namespace = 'shop') => questionOf('get', parse(text)!, name, namespace)

it('understands resources, subresources, paths and everything, as kubectl writes them', () => {
  expect(asked('pods/log')).toEqual({
    verb: 'get',
    group: '',
    resource: 'pods',
    subresource: 'log',
    namespaced: true,
    namespace: 'shop',
  })
  expect(asked('deployments.apps', 'web')).toMatchObject({ group: 'apps', resource: 'deployments', name: 'web' })
  expect(asked('nodes')).not.toHaveProperty('namespace')
  expect(asked('/metrics')).toEqual({ verb: 'get', path: '/metrics' })
  expect(asked('*')).toMatchObject({ group: '', resource: '*' })
  expect(parse('deploy')).toEqual(parse('deployments.apps'))
  expect([parse('gadgets'), parse('pods/'), parse('')]).toEqual([undefined, undefined, undefined])
})

it('reads back what it writes of a subject, and takes a name alone for a user', () => {
  const subjects = [
    { kind: 'User', name: 'jane' },
    { kind: 'User', name: 'system:kube-scheduler' },
    { kind: 'User', name: 'oidc/jane@example.com' },
    { kind: 'Group', name: 'system:serviceaccounts:shop' },
    { kind: 'ServiceAccount', namespace: 'shop', name: 'bot' },
  ] as const
  for (const subject of subjects) expect(parseSubject(addressOf(subject))).toEqual(subject)
  expect(parseSubject('jane')).toEqual(subjects[0])
  expect(parseSubject('system:kube-scheduler')).toEqual(subjects[1])
  expect(parseSubject('shop/bot')).toEqual(subjects[4])
  expect(parseSubject('system:serviceaccount:shop:bot')).toEqual(subjects[4])
  expect(parseSubject('me')).toBeUndefined()
})

it('writes the kubectl lines that ask the same', () => {
  expect(whoCanLine([], asked('deployments.apps/scale', 'web'))).toBe(
    'kubectl auth can-i get deployments.apps/web --subresource=scale -n shop',
  )
  expect(whoCanLine([], asked('nodes'))).toBe('kubectl auth can-i get nodes -A')
  expect(whoCanLine([], asked('*'))).toBe("kubectl auth can-i get '*' -n shop")
  expect(rightsLine([], parseSubject('shop/bot'), [], 'shop')).toBe(
    'kubectl auth can-i --list --as=system:serviceaccount:shop:bot -n shop',
  )
  expect(rightsLine([], parseSubject('group:devs'), [], '')).toBe(
    'kubectl auth can-i --list --as=anybody --as-group=devs',
  )
})
