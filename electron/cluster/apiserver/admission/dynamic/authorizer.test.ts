import { expect, it } from 'vitest'
import type { Attributes } from '../../authz/authorizer.ts'
import { Environment } from '../../../cel/environment.ts'
import { typeNamed } from '../../../cel/types/signature.ts'
import type { Admitted } from './admitted.ts'
import { authorizerVariables } from './authorizer.ts'
import type { AdmissionHost } from './host.ts'

const environment = new Environment({ variables: { authorizer: typeNamed('Authorizer') } })

function asked(narrowing: string): Attributes {
  const all: Attributes[] = []
  const authorize = (attributes: Attributes) => {
    all.push(attributes)
    return { allowed: true, reason: '' }
  }
  const host = { authorizer: () => ({ authorize }) } as unknown as AdmissionHost
  const admitted = {
    request: { user: { name: 'jane', groups: [] }, subresource: '', namespace: 'a', name: 'x' },
    own: { resource: { group: '', version: 'v1', resource: 'pods' } },
  } as unknown as Admitted
  const { authorizer } = authorizerVariables(host, admitted)
  const source = `authorizer.group('').resource('pods')${narrowing}.check('list').allowed()`
  expect(environment.compile(source).evaluate({ authorizer })).toBe(true)
  return all[0]!
}

it('asks about lists that are narrowed by selectors', () => {
  expect(asked(".fieldSelector('spec.nodeName=n').labelSelector('app in (a, b)')")).toMatchObject({
    fieldSelector: [{ field: 'spec.nodeName', equals: true, value: 'n' }],
    labelSelector: [{ key: 'app', operator: 'in', values: ['a', 'b'] }],
  })
})

it('asks about the whole list where a selector cannot be read', () => {
  const attributes = asked(".fieldSelector('spec.nodeName').labelSelector('!!')")
  expect(attributes).not.toHaveProperty('fieldSelector')
  expect(attributes).not.toHaveProperty('labelSelector')
})
