import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { smallServer, type SmallServer } from '../testing/small-server.ts'
import { issue } from '../../base/certificate.ts'
import { adminIdentity, openPki, type Pki } from '../pki/pki.ts'
import type { Exchange } from '../transport/exchange.ts'
import { authenticator } from './authenticate.ts'
import { memoryKeyFiles } from '../pki/key-files.ts'
import { systemClock } from '../../base/clock.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer()
})
afterAll(() => server[Symbol.asyncDispose]())

interface Pair {
  certificate: string
  key: string
}
type Headers = Record<string, string | string[]>

function ask(pair: Pair | undefined, headers: Headers): Promise<{ status: number; message: string }> {
  return new Promise((resolve, reject) => {
    const tls = { ...server.tls(null), ...(pair ? { cert: pair.certificate, key: pair.key } : {}) }
    const asking = request({ ...tls, path: '/api/v1/namespaces', headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('end', () => {
        const { message = '' } = JSON.parse(Buffer.concat(chunks).toString()) as { message?: string }
        resolve({ status: answer.statusCode!, message })
      })
    })
    asking.once('error', reject)
    asking.end()
  })
}

const jane = { 'X-Remote-User': 'jane', 'X-Remote-Group': ['devs'], 'X-Remote-Extra-Acme.com%2Fproject': 'x' }

it('lets a front proxy say for whom it asks', async () => {
  const { client } = server.pki.frontProxy
  expect(await ask(client, jane)).toMatchObject({ status: 403, message: expect.stringContaining('User "jane"') })
  expect((await ask(client, { 'X-Remote-User': 'root', 'X-Remote-Group': ['a', 'system:masters'] })).status).toBe(200)
  expect(
    await ask(client, { 'X-Remote-User': 'system:anonymous', 'X-Remote-Group': 'system:unauthenticated' }),
  ).toMatchObject({
    status: 403,
    message: expect.stringContaining('User "system:anonymous"'),
  })
})

it('takes a front proxy that asks for nobody for nobody it knows', async () => {
  expect(await ask(server.pki.frontProxy.client, {})).toMatchObject({ status: 401 })
})

it('believes such headers from no one else', async () => {
  const masters = { 'X-Remote-User': 'root', 'X-Remote-Group': 'system:masters' }
  const client = server.pki.clientFor({ user: 'mallory' })
  expect(await ask(client, masters)).toMatchObject({ status: 403, message: expect.stringContaining('User "mallory"') })
  expect(await ask(undefined, masters)).toMatchObject({
    status: 403,
    message: expect.stringContaining('User "system:anonymous"'),
  })
  // The name alone does not make a front proxy: the authority of clients cannot speak for others.
  const named = server.pki.clientFor({ user: 'front-proxy-client' })
  expect(await ask(named, masters)).toMatchObject({
    status: 403,
    message: expect.stringContaining('front-proxy-client'),
  })
})

it('refuses certificates of another authority', async () => {
  const stranger: Pki = openPki({ files: memoryKeyFiles(), clock: systemClock })
  expect(await ask(stranger.clientFor(adminIdentity), {})).toMatchObject({ status: 401 })
  expect(await ask(stranger.frontProxy.client, jane)).toMatchObject({ status: 401 })
})

it('believes no client of the front proxies’ authority under another name', () => {
  const files = memoryKeyFiles()
  const pki = openPki({ files, clock: systemClock })
  const now = systemClock.now()
  const signer = { certificate: pki.frontProxy.authority, key: files.read('front-proxy-ca.key')! }
  const name = { file: 'front-proxy-ca', commonName: 'wheelhouse-front-proxy-ca' }
  const pair = issue(signer, name, { commonName: 'other', usage: 'client', notBefore: now, notAfter: now + 60_000 })
  const authenticate = authenticator(
    { verify: () => undefined },
    { clients: pki.authority, frontProxies: pki.frontProxy.authority, frontProxyNames: ['front-proxy-client'] },
  )
  const socket = { authorized: true, getPeerX509Certificate: () => new X509Certificate(pair.certificate) }
  const exchange = {
    peer: { clock: systemClock, socket },
    header: () => undefined,
    headers: () => ['jane'],
    headerNames: () => [],
  }
  expect(() => authenticate(exchange as unknown as Exchange)).toThrow('Unauthorized')
})
