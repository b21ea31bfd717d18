import { expect, it } from 'vitest'
import type { FieldError } from '#shared/kube/status.ts'
import { compileMapper } from './claim-mapper.ts'
import type { JwtAuthenticator } from './types.ts'

const none = { claim: '', expression: '', prefix: undefined }
type Mappings = Partial<JwtAuthenticator['claimMappings']>

function mapper(mappings: Mappings, more: Partial<JwtAuthenticator> = {}) {
  const errors: FieldError[] = []
  const made = compileMapper(
    {
      issuer: { url: '', discoveryURL: '', certificateAuthority: '', audiences: [], audienceMatchPolicy: '' },
      claimValidationRules: [],
      userValidationRules: [],
      claimMappings: {
        username: { ...none, claim: 'sub', prefix: '' },
        groups: none,
        uid: none,
        extra: [],
        ...mappings,
      },
      ...more,
    },
    'jwt[0]',
    errors,
  )
  expect(errors).toEqual([])
  return made
}

it('makes users of claims', () => {
  const prefixed = mapper({
    username: { ...none, claim: 'sub', prefix: 'ext:' },
    groups: { ...none, claim: 'roles', prefix: 'g:' },
  })
  expect(prefixed({ sub: 'jane', roles: ['a', 'b'] })).toEqual({ name: 'ext:jane', groups: ['g:a', 'g:b'] })
  expect(prefixed({ sub: 'jane', roles: 'a' }).groups).toEqual(['g:a'])
  expect(prefixed({ sub: 'jane' }).groups).toEqual([])
})

it('makes users with expressions', () => {
  const made = mapper({
    username: { ...none, expression: "claims.sub + '@' + claims.tenant.name" },
    groups: { ...none, expression: "claims.roles.filter(r, r != 'x')" },
    uid: { ...none, expression: 'string(claims.id)' },
    extra: [
      { key: 'acme.io/team', valueExpression: 'claims.team' },
      { key: 'acme.io/none', valueExpression: "''" },
    ],
  })
  const claims = { sub: 'jane', tenant: { name: 't' }, roles: ['a', 'x'], id: 7, team: ['red', ''] }
  expect(made(claims)).toEqual({ name: 'jane@t', groups: ['a'], uid: '7', extra: { 'acme.io/team': ['red'] } })
})

it.each<[string, Mappings, Partial<JwtAuthenticator>, object, string]>([
  ['without a name', {}, {}, {}, 'parse username claims "sub": claim not present'],
  ['with an empty name of an expression', { username: { ...none, expression: "''" } }, {}, {}, 'empty username'],
  [
    'with an address that is not checked',
    { username: { ...none, claim: 'email', prefix: '' } },
    {},
    { email: 'a@b', email_verified: false },
    'email not verified',
  ],
  ['with groups of numbers', { groups: { ...none, claim: 'g', prefix: '' } }, {}, { sub: 'a', g: [1] }, 'groups claim'],
  [
    'of another tenant',
    {},
    { claimValidationRules: [{ claim: 'hd', requiredValue: 'x', expression: '', message: '' }] },
    { sub: 'a', hd: 'y' },
    'required claim hd value does not match. Got = y, want = x',
  ],
  [
    'that break a rule on claims',
    {},
    { claimValidationRules: [{ claim: '', requiredValue: '', expression: 'claims.age > 3', message: 'too young' }] },
    { sub: 'a', age: 2 },
    'oidc: too young',
  ],
  [
    'of which a rule can say nothing',
    {},
    { claimValidationRules: [{ claim: '', requiredValue: '', expression: 'claims.age > 3', message: '' }] },
    { sub: 'a' },
    'no such key: age',
  ],
  [
    'that would be the system',
    {},
    { userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }] },
    { sub: 'system:admin' },
    'oidc: reserved',
  ],
])('refuses claims %s', (_, mappings, more, claims, why) => {
  expect(() => mapper(mappings, more)(claims as Record<string, unknown>)).toThrow(why)
})
