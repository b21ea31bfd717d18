import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
let backend: Server
const proxied = '/api/v1/nodes/n1/proxy'

beforeAll(async () => {
  server = await smallServer()
  const { certificate, key } = server.pki.nodeServing('n1', ['127.0.0.1'])
  backend = createServer({ cert: certificate, key }, ({ method, url }, answer) => void answer.end(`${method} ${url}`))
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  const { port } = backend.address() as AddressInfo
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  }
  await server.ask('/api/v1/nodes', { method: 'POST', body: { metadata: { name: 'n1' }, status } })
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await new Promise((resolve) => {
    backend.close(resolve)
    backend.closeAllConnections()
  })
})

it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
  'passes %s on, with the path and the query',
  async (method) => {
    const answer = await server.ask(`${proxied}/some/path?a=b`, { method })
    expect(answer).toMatchObject({ status: 200, text: `${method} /some/path?a=b` })
  },
)

it('passes HEAD on', async () => {
  expect(await server.ask(`${proxied}/some/path`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
})

it('refuses other methods', async () => {
  expect(await server.ask(`${proxied}/some/path`, { method: 'TRACE' })).toMatchObject({ status: 405 })
})

it.each(['GET', 'HEAD'])('sends %s without a path to the root, where relative links lead on from', async (method) => {
  const headers = { location: `${proxied}/?method=${method}` }
  expect(await server.ask(`${proxied}?method=${method}`, { method })).toMatchObject({ status: 301, text: '', headers })
})

it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('passes %s without a path on to the root', async (method) => {
  expect(await server.ask(`${proxied}?a=b`, { method })).toMatchObject({ status: 200, text: `${method} /?a=b` })
})
