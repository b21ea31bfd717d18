// The sample application: a small HTTP server that shows what a cluster does with an application.
import http from 'node:http'
import os from 'node:os'
import { Worker } from 'node:worker_threads'

const { env } = process
const port = Number(env.PORT ?? 8000)
const identity = {
  app: env.APP_NAME ?? 'hello',
  pod: env.POD_NAME ?? env.HOSTNAME ?? os.hostname(),
  version: env.APP_VERSION ?? 'unknown',
}
const maxStressSeconds = Number(env.MAX_STRESS_SECONDS ?? 60)
/** Between SIGTERM and closing the door: proxies need a moment to hear that this endpoint is leaving. */
const drainMs = 1500
const exitMs = 5000
const secret = /SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE/i
const internal = /^(WHEELHOUSE_|NODE_OPTIONS$)/

const broken = env.APP_BROKEN === 'true'
let ready = !broken
let leaving = false
let stressing = 0

const routes = {
  'GET /': () => ({ body: { ...identity } }),
  'GET /healthz': () => ({ body: { status: 'ok' } }),
  'GET /readyz': () => {
    const isReady = ready && !leaving
    return { status: isReady ? 200 : 503, body: { ready: isReady, ...(leaving ? { reason: 'shutting down' } : {}) } }
  },
  'GET /config': () => ({ body: settings() }),
  'POST /ready': (query) => {
    const value = query.get('value') ?? 'true'
    if (value !== 'true' && value !== 'false') return { status: 400, body: { error: 'value must be true or false' } }
    if (broken) return { status: 409, body: { error: 'this version is broken and never becomes ready' } }
    ready = value === 'true'
    return { body: { ready } }
  },
  'POST /stress': (query) => {
    const seconds = Number(query.get('seconds') ?? 10)
    if (!(seconds > 0)) return { status: 400, body: { error: 'seconds must be a positive number' } }
    const bounded = Math.min(seconds, maxStressSeconds)
    burn(bounded)
    return { status: 202, body: { seconds: bounded, running: stressing } }
  },
  'POST /crash': () => ({ body: { crashing: true }, then: () => process.exit(1) }),
}

const server = http.createServer((request, response) => {
  const started = performance.now()
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://hello')
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes[`${method} ${pathname}`]
  const known = Object.keys(routes).some((name) => name.endsWith(` ${pathname}`))
  const {
    status = 200,
    body,
    then,
  } = route
    ? route(searchParams)
    : known
      ? { status: 405, body: { error: 'method not allowed' } }
      : { status: 404, body: { error: 'not found' } }
  const text = JSON.stringify(body) + '\n'
  if (leaving) response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  response.end(request.method === 'HEAD' ? undefined : text)
  request.resume()
  response.on('close', () => {
    console.log(
      `${request.method} ${request.url} ${status} ${(performance.now() - started).toFixed(1)}ms ${address(request)}`,
    )
    then?.()
  })
})

const address = ({ socket }) => (socket.remoteAddress ?? '').replace('::ffff:', '')

/** What was configured, without what should stay secret. */
function settings() {
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => !secret.test(name) && !internal.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Keeps one core busy, in a thread of its own: health checks go on being answered. */
function burn(seconds) {
  stressing++
  const code = `const end = performance.now() + ${seconds * 1000}; while (performance.now() < end);`
  new Worker(code, { eval: true }).on('exit', () => {
    stressing--
    console.log(`stress of ${seconds}s is over`)
  })
  console.log(`using a core for ${seconds}s`)
}

function leave(signal) {
  if (leaving) return
  leaving = true
  console.log(`${signal}: not ready any more, draining`)
  setTimeout(() => {
    server.close(() => {
      console.log('drained, good bye')
      process.exit(0)
    })
    server.closeIdleConnections()
  }, drainMs)
  setTimeout(() => process.exit(0), exitMs).unref()
}

process.on('SIGTERM', leave)
process.on('SIGINT', leave)
server.on('error', (error) => {
  console.error(`cannot listen on port ${port}: ${error.message}`)
  process.exit(1)
})
server.listen(port, () => {
  console.log(`${identity.app} ${identity.version} listening on port ${port}`)
  if (broken) console.log('not ready: this version cannot find its database settings (it is broken on purpose)')
})
