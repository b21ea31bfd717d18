import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../base/clock.ts'
import { memoryKeyFiles } from '../../pki/key-files.ts'
import { openPki } from '../../pki/pki.ts'
import { smallServer, type SmallServer } from '../../testing/small-server.ts'
import { readAuthenticationConfig } from './config.ts'

let issuer: Server
let server: SmallServer
let token: (claims: object) => Promise<string>

/** An issuer at https with an authority of its own, and a server that believes it, and lets nobody in but for its health. */
beforeAll(async () => {
  const pki = openPki({ files: memoryKeyFiles(), clock: systemClock })
  const { certificate, key } = pki.nodeServing('issuer', ['127.0.0.1'])
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] }
  let url = ''
  issuer = createServer({ cert: certificate, key }, (request, response) => {
    const found = request.url === '/keys' ? jwks : { issuer: url, jwks_uri: `${url}/keys` }
    response.end(JSON.stringify(found))
  })
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
  url = `https://127.0.0.1:${(issuer.address() as AddressInfo).port}`
  token = (claims) =>
    new SignJWT({ iss: url, aud: 'kube', sub: 'jane', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setExpirationTime('1h')
      .sign(privateKey)
  const authentication = readAuthenticationConfig(
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url, audiences: ['kube'], certificateAuthority: pki.authority },
          claimMappings: {
            username: { claim: 'sub', prefix: 'ext:' },
            groups: { expression: 'claims.?roles.orValue([])' },
          },
        },
      ],
      anonymous: { enabled: true, conditions: [{ path: '/readyz' }] },
    }),
    'https://own',
  )
  server = await smallServer({ authentication })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  issuer.closeAllConnections()
  issuer.close()
})

const bearing = (bearer: string) => ({ as: null, headers: { authorization: `Bearer ${bearer}` } })
const namespaces = '/api/v1/namespaces'

it('lets in whom an issuer outside vouches for', async () => {
  expect(await server.ask(namespaces, bearing(await token({})))).toMatchObject({
    status: 403,
    body: { message: expect.stringContaining('User "ext:jane" cannot list') as unknown },
  })
  expect(await server.ask(namespaces, bearing(await token({ roles: ['system:masters'] })))).toMatchObject({
    status: 200,
  })
  expect(await server.ask(namespaces, bearing(await token({ aud: 'other' })))).toMatchObject({ status: 401 })
})

it('says in a review whose such a token is', async () => {
  const review = async (bearer: string) => {
    const path = '/apis/authentication.k8s.io/v1/tokenreviews'
    return (await server.ask(path, { method: 'POST', body: { spec: { token: bearer } } })).body.status
  }
  expect(await review(await token({ roles: ['a'] }))).toMatchObject({
    authenticated: true,
    user: { username: 'ext:jane', groups: ['a', 'system:authenticated'] },
  })
  expect(await review(await token({ aud: 'other' }))).toMatchObject({
    error: expect.stringContaining('aud') as unknown,
  })
})

it('lets nobody ask for more than the configuration says', async () => {
  expect(await server.ask('/readyz', { as: null })).toMatchObject({ status: 200 })
  expect(await server.ask('/version', { as: null })).toMatchObject({ status: 401 })
})
