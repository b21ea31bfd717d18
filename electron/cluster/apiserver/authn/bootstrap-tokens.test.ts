import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { bootstrapTokens } from './bootstrap-tokens.ts'

const token = 'abcdef.0123456789abcdef'

function verifying(data: Record<string, string>, type = 'bootstrap.kubernetes.io/token') {
  const all = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    ...data,
  }
  const encoded = Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  const tokens = bootstrapTokens({
    clock: new FakeClock(),
    audience: 'server',
    secret: (name) =>
      name === 'bootstrap-token-abcdef' ? ({ metadata: { name }, type, data: encoded } as KubeObject) : undefined,
  })
  return (asked = token, audiences?: string[]) => tokens.verify(asked, audiences)?.user
}

it('knows a machine that joins by the secret of its token', () => {
  expect(verifying({ expiration: '2026-01-01T00:00:01Z' })()).toEqual({
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers'],
  })
  expect(verifying({ 'auth-extra-groups': 'system:bootstrappers:workers' })()?.groups).toEqual([
    'system:bootstrappers',
    'system:bootstrappers:workers',
  ])
})

it.each([
  ['has expired', { expiration: '2025-12-31T23:59:59Z' }],
  ['has an expiry that nobody can read', { expiration: 'soon' }],
  ['is for signing only', { 'usage-bootstrap-authentication': 'false' }],
  ['belongs to another id', { 'token-id': 'zzzzzz' }],
  ['has another secret', { 'token-secret': '0123456789abcdee' }],
  ['claims a group of others', { 'auth-extra-groups': 'system:masters' }],
])('refuses a token that %s', (_, data: Record<string, string>) => {
  expect(verifying(data)()).toBeUndefined()
})

it('leaves other secrets and other tokens alone, and other audiences unserved', () => {
  expect(verifying({}, 'Opaque')()).toBeUndefined()
  expect(verifying({})('abcdef.short')).toBeUndefined()
  expect(verifying({})('ghijkl.0123456789abcdef')).toBeUndefined()
  expect(() => verifying({})(token, ['vault'])).toThrow('unable to match the audience')
})
