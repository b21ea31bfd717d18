import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startServeHost, type ServeHost } from './serve-host.ts'

let folder: string
let root: string
let host: ServeHost
let ports: number
beforeEach(async () => {
  ports = 0
  folder = mkdtempSync(path.join(os.tmpdir(), 'serve-'))
  root = path.join(folder, 'app')
  mkdirSync(root)
  mkdirSync(path.join(folder, 'app-sibling'))
  mkdirSync(path.join(folder, 'sibling'))
  for (const file of ['app-sibling/secret.txt', 'sibling/secret.txt', 'secret.txt'])
    writeFileSync(path.join(folder, file), 'secret')
  symlinkSync(path.join(folder, 'secret.txt'), path.join(root, 'link.txt'))
  symlinkSync(path.join(folder, 'sibling'), path.join(root, 'linked'))
  writeFileSync(path.join(root, 'index.html'), '<title>app</title>')
  host = await startServeHost({ host: '127.0.0.1', port: 0, root, onPort: (port) => (ports++, port.onFrame(() => {})) })
})
afterEach(async () => {
  await host[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

interface Answer {
  code: number
  headers: http.IncomingHttpHeaders
  body: string
}

function get(target: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port, pathname, search } = new URL(target)
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: pathname + search, headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => (body += chunk))
      response.on('end', () => resolve({ code: response.statusCode!, headers: response.headers, body }))
    })
    request.on('error', reject)
    request.end()
  })
}

const login = async () => (await get(host.address)).headers['set-cookie']![0]!.split(';')[0]!
const origin = () => new URL(host.address).origin
const token = () => new URL(host.address).searchParams.get('token')!

it('opens the page to the token, and to its reload by a cookie that is not the token', async () => {
  const answer = await get(host.address)
  expect(answer).toMatchObject({ code: 200, body: '<title>app</title>' })
  expect(answer.headers['set-cookie']![0]).toMatch(/HttpOnly; SameSite=Strict/)
  expect(await login()).not.toContain(token())
  expect((await get(`${origin()}/`, { cookie: await login() })).code).toBe(200)
  expect((await get(`${origin()}/?token=wrong`, { cookie: await login() })).code).toBe(403)
})

it('shows nothing without the cookie, and the app on every path with it', async () => {
  expect((await get(`${origin()}/`)).code).toBe(403)
  const cookie = await login()
  expect((await get(`${origin()}/pods/default`, { cookie })).body).toContain('app')
  expect((await get(`${origin()}/`, { cookie })).headers['content-security-policy']).toContain("script-src 'self';")
})

it('answers loopback names only, so that a foreign page cannot rebind DNS to it, and any port, for tunnels', async () => {
  const cookie = await login()
  for (const name of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil'])
    expect((await get(`${origin()}/`, { cookie, host: name })).code).toBe(421)
  expect((await get(`${origin()}/`, { cookie, host: 'localhost:9000' })).code).toBe(200)
})

it.each([
  '/..%2f..%2fetc%2fpasswd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%5c..%5csecret.txt',
  '/../sibling/secret.txt',
  '/../app-sibling/secret.txt',
  '/..%2fapp-sibling%2fsecret.txt',
  '/..%2fsibling/secret.txt',
  '/link.txt',
  '/linked/secret.txt',
  '/%00',
  '/%E0%A4%A',
  '//',
  '/a%00.html',
])('never leaves the folder of the app: %s', async (target) => {
  const cookie = await login()
  const { hostname, port } = new URL(host.address)
  const answer = await raw(
    `GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`,
  )
  expect(answer).not.toMatch(/root:|secret/)
  expect(answer).toMatch(/^HTTP\/1.1 (404|400|200)/)
  expect((await get(host.address)).code).toBe(200)
})

/** Bytes as they are: clients tidy paths up. */
const raw = (request: string) =>
  new Promise<string>((resolve) => {
    let answer = ''
    const socket = net.connect(Number(new URL(host.address).port), '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => (answer += String(chunk)))
    socket.on('close', () => resolve(answer))
  })

const upgrade = (target: string, headers: Record<string, string>) =>
  new Promise<number>((resolve) => {
    const socket = new WebSocket(`${origin().replace('http', 'ws')}${target}`, { headers })
    socket.on('open', () => (socket.close(), resolve(101)))
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!))
    socket.on('error', () => resolve(0))
  })

it('opens the channel to its own page with the token only', async () => {
  const good = `/channel?token=${token()}`
  expect(await upgrade(good, { origin: 'http://evil.example' })).toBe(403)
  expect(await upgrade(good, { origin: `${origin()}0` })).toBe(403)
  expect(await upgrade(good, {})).toBe(403)
  expect(await upgrade(good, { origin: 'http://evil.example', host: 'evil.example' })).toBe(403)
  expect(await upgrade('/channel', { origin: origin(), cookie: await login() })).toBe(403)
  expect(await upgrade('/channel?token=', { origin: origin() })).toBe(403)
  expect(await upgrade(`/other?token=${token()}`, { origin: origin() })).toBe(403)
  expect(ports).toBe(0)
  expect(await upgrade(good, { origin: origin() })).toBe(101)
  expect(ports).toBe(1)
})

it('closes on a message that is larger than any call, or is none', async () => {
  const open = (send: (socket: WebSocket) => void) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${origin().replace('http', 'ws')}/channel?token=${token()}`, {
        headers: { origin: origin() },
      })
      socket.on('open', () => send(socket))
      socket.on('close', resolve)
      socket.on('error', () => {})
    })
  expect(await open((socket) => socket.send('nonsense'))).toBe(1007)
  expect(await open((socket) => socket.send(Buffer.alloc(17 * 1024 * 1024)))).toBe(1009)
})

it('names the port that is busy, and the cure', async () => {
  const port = Number(new URL(host.address).port)
  await expect(startServeHost({ host: '127.0.0.1', port, root, onPort: () => {} })).rejects.toMatchObject({
    message: `Port ${port} is in use.`,
    cure: /--port/,
  })
})
