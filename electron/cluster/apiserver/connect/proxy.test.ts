import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mostRewritten } from './links.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
let backend: Server
const long = `<a href="/next">${'-'.repeat(mostRewritten)}</a>`
const proxied = '/api/v1/nodes/n1/proxy'

beforeAll(async () => {
  server = await smallServer()
  const { certificate, key } = server.pki.nodeServing('n1', ['127.0.0.1'])
  backend = createServer({ cert: certificate, key }, ({ method, url, headers }, answer) => {
    if (url === '/page') return answer.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/next">next</a>')
    if (url === '/long') return answer.writeHead(200, { 'content-type': 'text/html' }).end(long)
    if (url === '/moved') return answer.writeHead(302, { location: '/next' }).end()
    if (url === '/told') return answer.end(JSON.stringify(headers))
    if (url === '/origins')
      return answer
        .writeHead(200, { 'access-control-allow-origin': '*', 'Access-Control-Allow-Credentials': 'true' })
        .end()
    answer.end(`${method} ${url}`)
  })
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

it('leads the links and the redirections of a page through itself', async () => {
  const next = `${proxied}/next`
  expect(await server.ask(`${proxied}/page`)).toMatchObject({ status: 200, text: `<a href="${next}">next</a>` })
  expect(await server.ask(`${proxied}/moved`)).toMatchObject({ status: 302, headers: { location: next } })
})

it('passes a page that is too long to be changed as it is', async () => {
  const { status, text } = await server.ask(`${proxied}/long`)
  expect([status, text === long]).toEqual([200, true])
})

it('says what was asked for, of whom, and by whom', async () => {
  const { text } = await server.ask(`${proxied}/told`, {
    headers: { host: 'localhost:6443', 'x-forwarded-for': '192.0.2.1' },
  })
  expect(JSON.parse(text)).toMatchObject({
    host: 'localhost:6443',
    'x-forwarded-for': expect.stringMatching(/^192\.0\.2\.1, (::ffff:)?127\.0\.0\.1$/),
    'x-forwarded-uri': `${proxied}/told`,
  })
})

it('lets no backend say what pages of other origins may do with the answers of this server', async () => {
  const { status, headers } = await server.ask(`${proxied}/origins`)
  expect([status, Object.keys(headers).filter((name) => name.startsWith('access-control'))]).toEqual([200, []])
})
