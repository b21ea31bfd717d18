import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import { newKey } from '../../base/certificate.ts'
import { ServiceAccountTokens } from './service-account-tokens.ts'

function tokensOver(objects: Record<string, KubeObject>, key = newKey()) {
  const clock = new FakeClock()
  const used: string[] = []
  const tokens = new ServiceAccountTokens({
    clock,
    random: seededRandom(1),
    key,
    issuer: 'https://issuer',
    read: (plural, namespace, name) => objects[`${plural}/${namespace ?? ''}/${name}`],
    legacyUsed: ({ metadata }, day) => void used.push(`${metadata!.name} ${day}`),
  })
  return { tokens, clock, used }
}

const account = { metadata: { name: 'builder', namespace: 'a', uid: 'sa-1' } }
const request = {
  namespace: 'a',
  serviceAccount: 'builder',
  serviceAccountUid: 'sa-1',
  audiences: [],
  expirationSeconds: 3600,
}

it('knows whose a token is', () => {
  const { tokens } = tokensOver({ 'serviceaccounts/a/builder': account })
  const { token, expirationTimestamp } = tokens.issue(request)
  expect(expirationTimestamp).toBe('2026-01-01T01:00:00Z')
  expect(tokens.verify(token)).toMatchObject({
    user: {
      name: 'system:serviceaccount:a:builder',
      uid: 'sa-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a'],
    },
    audiences: ['https://issuer'],
  })
})

it('refuses a token whose time is up, and one for another audience', async () => {
  const { tokens, clock } = tokensOver({ 'serviceaccounts/a/builder': account })
  const { token } = tokens.issue(request)
  expect(() => tokens.verify(token, ['vault'])).toThrow('audiences')
  await clock.advance(3601_000)
  expect(() => tokens.verify(token)).toThrow('service account token has expired')
})

it('refuses a token once its service account is gone or another of the same name', () => {
  const objects: Record<string, KubeObject> = { 'serviceaccounts/a/builder': account }
  const { tokens } = tokensOver(objects)
  const { token } = tokens.issue(request)
  expect(tokens.verify(token)).toBeDefined()
  objects['serviceaccounts/a/builder'] = { metadata: { ...account.metadata, uid: 'sa-2' } }
  expect(() => tokens.verify(token)).toThrow('service account UID (sa-2) does not match claim (sa-1)')
})

it('binds a token to a pod: it ends with it', () => {
  const objects: Record<string, KubeObject> = {
    'serviceaccounts/a/builder': account,
    'pods/a/p': { metadata: { name: 'p', uid: 'pod-1' }, spec: { nodeName: 'n' } } as KubeObject,
    'nodes//n': { metadata: { name: 'n', uid: 'node-1' } },
  }
  const { tokens } = tokensOver(objects)
  const { token } = tokens.issue({
    ...request,
    boundObject: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'pod-1' },
  })
  expect(tokens.verify(token)!.user.extra).toMatchObject({
    'authentication.kubernetes.io/pod-name': ['p'],
    'authentication.kubernetes.io/pod-uid': ['pod-1'],
    'authentication.kubernetes.io/node-name': ['n'],
  })
  delete objects['pods/a/p']
  expect(() => tokens.verify(token)).toThrow('service account token has been invalidated')
})

it('knows nothing of tokens that others signed, nor of those that were changed', () => {
  const objects = { 'serviceaccounts/a/builder': account }
  const { tokens } = tokensOver(objects)
  const foreign = tokensOver(objects).tokens.issue(request).token
  expect(tokens.verify(foreign)).toBeUndefined()
  const [header, claims, signature] = tokens.issue(request).token.split('.') as [string, string, string]
  const forged = Buffer.from(Buffer.from(claims, 'base64url').toString().replace('builder', 'default')).toString(
    'base64url',
  )
  expect(tokens.verify([header, forged, signature].join('.'))).toBeUndefined()
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  expect(tokens.verify(`${none}.${claims}.${signature}`)).toBeUndefined()
  expect(tokens.verify('nonsense')).toBeUndefined()
})

it('extends the life that admission asks for, and says so to nobody', async () => {
  const { tokens, clock } = tokensOver({
    'serviceaccounts/a/builder': account,
    'pods/a/p': { metadata: { name: 'p', uid: 'pod-1' } },
  })
  const boundObject = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'pod-1' }
  const { token, expirationTimestamp } = tokens.issue({ ...request, boundObject, expirationSeconds: 3607 })
  const elsewhere = tokens.issue({ ...request, boundObject, expirationSeconds: 3607, audiences: ['vault'] }).token
  expect(expirationTimestamp).toBe('2026-01-01T01:00:07Z')
  await clock.advance(2 * 3600_000)
  expect(tokens.verify(token)).toBeDefined()
  expect(() => tokens.verify(elsewhere, ['vault'])).toThrow('expired')
})

it('takes a token out of a secret while the secret holds it', () => {
  const objects: Record<string, KubeObject> = { 'serviceaccounts/a/builder': account }
  const { tokens, used } = tokensOver(objects)
  const token = tokens.issueLegacy({ namespace: 'a', name: 'builder', uid: 'sa-1' }, 's')
  const secret = (held: string, labels = {}) =>
    ({
      metadata: { name: 's', namespace: 'a', labels },
      data: { token: Buffer.from(held).toString('base64') },
    }) as KubeObject
  expect(() => tokens.verify(token)).toThrow('service account token has been invalidated')
  objects['secrets/a/s'] = secret(token)
  expect(tokens.verify(token)).toMatchObject({ user: { name: 'system:serviceaccount:a:builder' } })
  expect(used).toEqual(['s 2026-01-01'])
  objects['secrets/a/s'] = secret(token, { 'kubernetes.io/legacy-token-last-used': '2026-01-01' })
  tokens.verify(token)
  expect(used).toHaveLength(1)
  objects['secrets/a/s'] = secret(token, { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' })
  expect(() => tokens.verify(token)).toThrow('has been marked invalid')
  objects['secrets/a/s'] = secret('another')
  expect(() => tokens.verify(token)).toThrow("service account token does not match server's copy")
})

it('takes a token while its time is not up, and not before it, by the clock as it is set', () => {
  const { tokens, clock } = tokensOver({ 'serviceaccounts/a/builder': account })
  const { token } = tokens.issue(request)
  const day = 24 * 3600_000
  clock.jump(day)
  expect(() => tokens.verify(token)).toThrow('service account token has expired')
  clock.jump(-2 * day)
  expect(() => tokens.verify(token)).toThrow('not valid yet')
  clock.jump(day)
  expect(tokens.verify(token)?.user.name).toBe('system:serviceaccount:a:builder')
})
