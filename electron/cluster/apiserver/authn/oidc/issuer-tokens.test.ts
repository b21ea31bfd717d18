import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, it } from 'vitest'
import { FakeClock } from '../../../base/fake-clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import { readAuthenticationConfig } from './config.ts'
import { issuerTokens } from './issuer-tokens.ts'

const url = 'https://issuer.example'
const audience = 'https://own'

/** An issuer that publishes the keys it is told to, and the server that believes it. */
async function setup() {
  const clock = new FakeClock()
  const published: object[] = []
  const asked: string[] = []
  let isUp = true
  const config = readAuthenticationConfig(
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [{ issuer: { url, audiences: ['me'] }, claimMappings: { username: { claim: 'sub', prefix: 'ext:' } } }],
    }),
    audience,
  )
  const newKey = async (kid: string, alg = 'ES256') => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    return { jwk: { ...(await exportJWK(publicKey)), kid, alg }, privateKey, alg, kid }
  }
  const first = await newKey('one')
  published.push(first.jwk)
  const tokens = issuerTokens(() => config, {
    clock,
    audience,
    logger: silentLogger,
    fetch(place) {
      asked.push(place)
      if (!isUp) return Promise.reject(new Error('down'))
      return Promise.resolve(
        place.endsWith('/keys') ? { keys: [...published] } : { issuer: url, jwks_uri: `${url}/keys` },
      )
    },
  })
  const sign = (claims: Record<string, unknown>, key = first) => {
    const now = clock.now() / 1000
    return new SignJWT({ iss: url, aud: 'me', exp: now + 60, sub: 'jane', ...claims })
      .setProtectedHeader({ alg: key.alg, kid: key.kid })
      .sign(key.privateKey)
  }
  return { clock, tokens, sign, newKey, published, asked, setUp: (up: boolean) => (isUp = up) }
}

it('believes what the issuer has signed for this audience', async () => {
  const { tokens, sign, asked } = await setup()
  expect(await tokens.verify(await sign({}))).toEqual({ user: { name: 'ext:jane', groups: [] }, audiences: [audience] })
  await tokens.verify(await sign({ sub: 'joe' }))
  expect(asked).toEqual([`${url}/.well-known/openid-configuration`, `${url}/keys`])
})

it('leaves to others what no issuer of its own has signed, and what is for others', async () => {
  const { tokens, sign } = await setup()
  expect(tokens.verify('nonsense')).toBeUndefined()
  expect(tokens.verify(await sign({ iss: 'https://other' }))).toBeUndefined()
  expect(tokens.verify(await sign({}), ['somebody'])).toBeUndefined()
})

it.each<[string, (now: number) => Record<string, unknown>, string]>([
  ['for another audience', () => ({ aud: 'you' }), 'unexpected "aud" claim value'],
  ['that has ended', (now) => ({ exp: now - 1 }), 'token is expired'],
  ['that never ends', () => ({ exp: undefined }), 'missing required "exp" claim'],
  ['that begins much later', (now) => ({ nbf: now + 600 }), '"nbf" claim timestamp check failed'],
])('refuses a token %s', async (_, claims, why) => {
  const { tokens, sign, clock } = await setup()
  await expect(tokens.verify(await sign(claims(clock.now() / 1000)))).rejects.toThrow(why)
})

it('refuses a token that somebody else has signed under the issuer’s name', async () => {
  const { tokens, sign, newKey } = await setup()
  await expect(tokens.verify(await sign({}, await newKey('one')))).rejects.toThrow('signature verification failed')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await sign({})).split('.')[1]}.x`
  await expect(tokens.verify(unsigned)).rejects.toThrow('oidc: verify token')
})

it('asks for keys that it does not know, but not for every token', async () => {
  const { tokens, sign, newKey, published, asked, clock } = await setup()
  await tokens.verify(await sign({}))
  const second = await newKey('two', 'RS256')
  await expect(tokens.verify(await sign({}, second))).rejects.toThrow('no applicable key found')
  published.push(second.jwk)
  await expect(tokens.verify(await sign({}, second))).rejects.toThrow('no applicable key found')
  expect(asked).toHaveLength(2)
  await clock.advance(10_000)
  expect(await tokens.verify(await sign({}, second))).toMatchObject({ user: { name: 'ext:jane' } })
})

it('goes on with the keys that it has while the issuer is down, and starts when it comes up', async () => {
  const { tokens, sign, clock, setUp } = await setup()
  await tokens.verify(await sign({}))
  setUp(false)
  await clock.advance(2 * 3600_000)
  expect(await tokens.verify(await sign({}))).toMatchObject({ user: { name: 'ext:jane' } })
})
