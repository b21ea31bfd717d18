import { spawn, type ChildProcess } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'

const children: ChildProcess[] = []
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))

interface Hello {
  child: ChildProcess
  port: number
  output: () => string
  exit: Promise<number | null>
}

async function start(env: Record<string, string> = {}): Promise<Hello> {
  // A free port, so that tests run beside each other.
  const probe = http.createServer().listen(0)
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'server.mjs')], {
    env: { PORT: String(port), POD_NAME: 'hello-1', APP_VERSION: 'v1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let output = ''
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('listening')) resolve()
    })
  })
  return { child, port, output: () => output, exit }
}

function ask(
  { port }: Hello,
  route: string,
  options: http.RequestOptions = {},
): Promise<{ status: number; body: unknown; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, path: route, agent: false, ...options }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          body: JSON.parse(text) as unknown,
          connection: response.headers.connection,
        }),
      )
    })
    request.on('error', reject)
    request.end()
  })
}

const post = { method: 'POST' }

it('says who it is, and logs every request as one line', async () => {
  const hello = await start({ APP_NAME: 'shop' })
  expect(await ask(hello, '/')).toMatchObject({ status: 200, body: { app: 'shop', pod: 'hello-1', version: 'v1' } })
  expect((await ask(hello, '/nowhere')).status).toBe(404)
  expect((await ask(hello, '/crash')).status).toBe(405)
  while (!hello.output().includes('GET /crash'))
    await new Promise((resolve) => hello.child.stdout!.once('data', resolve))
  expect(hello.output()).toMatch(/^GET \/ 200 .*\nGET \/nowhere 404 .*\nGET \/crash 405 /m)
})

it('shows its settings without what is secret', async () => {
  const hello = await start({ GREETING: 'hi', DB_PASSWORD: 'x', API_TOKEN: 'x', MY_SECRET: 'x' })
  const { body } = await ask(hello, '/config')
  expect(body).toMatchObject({ GREETING: 'hi', APP_VERSION: 'v1' })
  expect(Object.keys(body as object).filter((name) => /PASSWORD|TOKEN|SECRET/.test(name))).toEqual([])
})

it('is made unready and ready again', async () => {
  const hello = await start()
  expect((await ask(hello, '/readyz')).status).toBe(200)
  expect((await ask(hello, '/ready?value=false', post)).body).toEqual({ ready: false })
  expect((await ask(hello, '/readyz')).status).toBe(503)
  expect((await ask(hello, '/healthz')).status).toBe(200)
  await ask(hello, '/ready?value=true', post)
  expect((await ask(hello, '/readyz')).status).toBe(200)
  expect((await ask(hello, '/ready?value=maybe', post)).status).toBe(400)
})

it('never becomes ready when broken, and says why', async () => {
  const hello = await start({ APP_BROKEN: 'true' })
  expect((await ask(hello, '/readyz')).status).toBe(503)
  expect((await ask(hello, '/ready?value=true', post)).status).toBe(409)
  expect(hello.output()).toMatch(/not ready: .+/)
})

it('answers a crash and ends with code 1', async () => {
  const hello = await start()
  expect((await ask(hello, '/crash', post)).status).toBe(200)
  expect(await hello.exit).toBe(1)
})

it('burns a core for the time that it may, and answers meanwhile', async () => {
  const hello = await start({ MAX_STRESS_SECONDS: '0.5' })
  expect(await ask(hello, '/stress?seconds=60', post)).toMatchObject({
    status: 202,
    body: { seconds: 0.5, running: 1 },
  })
  expect((await ask(hello, '/healthz')).status).toBe(200)
  while (!hello.output().includes('is over')) await new Promise((resolve) => hello.child.stdout!.once('data', resolve))
  expect((await ask(hello, '/stress?seconds=none', post)).status).toBe(400)
})

it('goes on serving on SIGTERM until endpoints have left, unready and closing connections, then ends with code 0', async () => {
  const hello = await start()
  const agent = new http.Agent({ keepAlive: true })
  expect((await ask(hello, '/', { agent })).connection).not.toBe('close')
  hello.child.kill('SIGTERM')
  while (!hello.output().includes('draining')) await new Promise((resolve) => hello.child.stdout!.once('data', resolve))
  expect(await ask(hello, '/readyz')).toMatchObject({ status: 503, body: { reason: 'shutting down' } })
  expect(await ask(hello, '/', { agent })).toMatchObject({ status: 200, connection: 'close' })
  expect(await hello.exit).toBe(0)
  await expect(ask(hello, '/')).rejects.toThrow(/ECONNREFUSED/)
})
