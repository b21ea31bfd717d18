import { expect, it } from 'vitest'
import { readAuthenticationConfig } from './config.ts'

const own = 'https://own'
const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n'
const read = (jwt: object, more = '') => readAuthenticationConfig(`${head}jwt:\n- ${JSON.stringify(jwt)}\n${more}`, own)
const issuer = { url: 'https://issuer.example', audiences: ['me'] }
const username = { claim: 'sub', prefix: '' }
const jwt = { issuer, claimMappings: { username } }

it('reads what upstream documents, and says what each part of it means', () => {
  const { issuers } = read({
    ...jwt,
    issuer: { ...issuer, audiences: ['me', 'you'], audienceMatchPolicy: 'MatchAny' },
    claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }],
    userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
  })
  expect(issuers.map(({ issuer: { url, audiences } }) => [url, audiences])).toEqual([
    ['https://issuer.example', ['me', 'you']],
  ])
})

it.each<[string, object, string]>([
  ['a field that is not there', { ...jwt, isuer: {} }, 'jwt[0].isuer: Forbidden: unknown field'],
  ['a plain address', { ...jwt, issuer: { ...issuer, url: 'http://x' } }, 'URL scheme must be https'],
  ['the cluster’s own issuer', { ...jwt, issuer: { ...issuer, url: own } }, 'must not overlap with disallowed issuers'],
  ['nobody to be for', { ...jwt, issuer: { ...issuer, audiences: [] } }, 'jwt[0].issuer.audiences: Required value'],
  ['no user name', { ...jwt, claimMappings: {} }, 'jwt[0].claimMappings.username: Required value: claim or expression'],
  [
    'a claim without prefix',
    { ...jwt, claimMappings: { username: { claim: 'sub' } } },
    'username.prefix: Required value',
  ],
  [
    'two ways at once',
    { ...jwt, claimMappings: { username: { claim: 'sub', expression: 'claims.sub' } } },
    "claim and expression can't both be set",
  ],
  [
    'an expression that does not compile',
    { ...jwt, claimMappings: { username: { expression: 'claim.sub' } } },
    'jwt[0].claimMappings.username.expression: Invalid value: "claim.sub": compilation failed',
  ],
  [
    'a rule that is no condition',
    { ...jwt, claimValidationRules: [{ expression: "'yes'" }] },
    'must evaluate to bool but got string',
  ],
  [
    'addresses that nobody checked',
    { ...jwt, claimMappings: { username: { expression: 'claims.email' } } },
    'claims.email_verified must be used',
  ],
  [
    'a key of Kubernetes’ own',
    { ...jwt, claimMappings: { username, extra: [{ key: 'x.k8s.io/a', valueExpression: 'claims.a' }] } },
    'reserved for Kubernetes use',
  ],
  [
    'a bad authority',
    { ...jwt, issuer: { ...issuer, certificateAuthority: 'x' } },
    'certificateAuthority: Invalid value',
  ],
])('refuses %s', (_, given, why) => {
  expect(() => read(given)).toThrow(why)
})

it('refuses the same issuer twice, another kind, and what is no YAML', () => {
  const twice = `${head}jwt: [${JSON.stringify(jwt)}, ${JSON.stringify(jwt)}]`
  expect(() => readAuthenticationConfig(twice, own)).toThrow('jwt[1].issuer.url: Duplicate value')
  expect(() => readAuthenticationConfig('kind: Policy', own)).toThrow('kind: Unsupported value: "Policy"')
  expect(() => readAuthenticationConfig('a: [', own)).toThrow('yaml')
})

it('says what those may ask for who show nothing', () => {
  const anonymous = (more: string) => readAuthenticationConfig(head + more, own).anonymous
  expect(anonymous('')('/api')).toBe(true)
  expect(anonymous('anonymous: {enabled: false}')('/livez')).toBe(false)
  const some = anonymous('anonymous: {enabled: true, conditions: [{path: /livez}]}')
  expect([some('/livez'), some('/api')]).toEqual([true, false])
})
