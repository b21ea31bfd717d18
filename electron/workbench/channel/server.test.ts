import { describe, expect, it, vi } from 'vitest'
import type { Frame } from '#shared/ipc/channel.ts'
import { memoryPorts } from './memory-port.ts'
import { serveChannel, type RequestHandlers, type StreamHandlers } from './server.ts'

function serve(handlers: { requests?: Partial<RequestHandlers>; streams?: Partial<StreamHandlers> }) {
  const [renderer, workbench] = memoryPorts()
  const heard: Frame[] = []
  renderer.onFrame((frame) => heard.push(frame))
  serveChannel(workbench, {
    requests: (handlers.requests ?? {}) as RequestHandlers,
    streams: (handlers.streams ?? {}) as StreamHandlers,
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { renderer, heard, settle }
}

it('refuses parameters that the contract does not allow before any handler sees them', async () => {
  let called = false
  const { renderer, heard, settle } = serve({
    requests: {
      'contexts.connect': () => {
        called = true
        return { version: 'v1' }
      },
    },
  })
  renderer.send({ t: 'request', id: 1, method: 'contexts.connect', params: { context: 7 } })
  await settle()
  expect(heard).toMatchObject([{ t: 'error', id: 1, error: { reason: 'BadRequest' } }])
  expect(called).toBe(false)
})

it('knows no method that only the prototype has', async () => {
  const { renderer, heard, settle } = serve({})
  renderer.send({ t: 'request', id: 1, method: 'constructor', params: {} })
  await settle()
  expect(heard).toMatchObject([{ t: 'error', error: { message: 'There is no call constructor.' } }])
})

it('aborts a stream when the renderer closes it, and says nothing more on it', async () => {
  let aborted = false
  const { renderer, heard, settle } = serve({
    streams: {
      'builtin.watch': (_params, outlet) =>
        new Promise((resolve) =>
          outlet.signal.addEventListener('abort', () => {
            aborted = true
            outlet.send({ state: 'stopped', dataDirectory: '', restarts: 0 })
            resolve()
          }),
        ),
    },
  })
  renderer.send({ t: 'open', id: 4, method: 'builtin.watch', params: {} })
  await settle()
  renderer.send({ t: 'close', id: 4 })
  await settle()
  expect(aborted).toBe(true)
  expect(heard).toEqual([])
})

it('aborts everything that is open when the port closes', async () => {
  const signals: AbortSignal[] = []
  const { renderer, settle } = serve({
    requests: { 'settings.get': (_params, signal) => (signals.push(signal), new Promise(() => {})) },
  })
  renderer.send({ t: 'request', id: 1, method: 'settings.get', params: {} })
  await settle()
  renderer.close()
  expect(signals[0]?.aborted).toBe(true)
})

describe('what is no frame', () => {
  it.each([
    null,
    7,
    'x',
    [],
    {},
    { t: 'request' },
    { t: 'request', id: -1, method: 'a' },
    { t: 'request', id: '1', method: 'a' },
    { t: 'message' },
    { t: 'result', id: 1, value: 1 },
    { t: '__proto__', id: 1 },
    { t: 'open', id: 1, method: 'x'.repeat(1000) },
  ])('%j is passed over', async (frame) => {
    const { renderer, heard, settle } = serve({})
    renderer.send(frame as never)
    renderer.send({ t: 'request', id: 1, method: 'nothing', params: {} })
    await settle()
    expect(heard).toHaveLength(1)
  })
})

it('goes on when a message makes a handler throw: that stream ends and says why', async () => {
  const { renderer, heard, settle } = serve({
    streams: {
      'query.open': async (_params, outlet) => {
        outlet.onMessage(() => {
          throw new Error('oops')
        })
        await new Promise((resolve) => outlet.signal.addEventListener('abort', resolve))
      },
    },
  })
  const resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
  renderer.send({
    t: 'open',
    id: 1,
    method: 'query.open',
    params: { context: 'x', resource, namespaces: [], filter: {}, window: { offset: 0, count: 1 } },
  })
  await settle()
  renderer.send({ t: 'message', id: 1, value: { window: { offset: 0, count: 1 } } })
  await settle()
  expect(heard).toEqual([{ t: 'close', id: 1, error: { code: 0, reason: 'Internal', message: 'oops' } }])
})

it('ends a stream on a message that the contract does not allow', async () => {
  const { renderer, heard, settle } = serve({
    streams: {
      'exec.open': async (_params, outlet) => {
        outlet.onMessage(() => expect.fail('it came through'))
        await new Promise((resolve) => outlet.signal.addEventListener('abort', resolve))
      },
    },
  })
  renderer.send({
    t: 'open',
    id: 1,
    method: 'exec.open',
    params: { context: 'x', namespace: 'a', pod: 'b', command: ['sh'], columns: 80, rows: 24 },
  })
  await settle()
  renderer.send({ t: 'message', id: 1, value: { resize: { columns: 0, rows: -5 } } })
  await settle()
  expect(heard).toMatchObject([{ t: 'close', id: 1, error: { reason: 'BadRequest' } }])
})

it('does not let an answer that comes late end what has its id by now', async () => {
  const finish: (() => void)[] = []
  const { renderer, heard, settle } = serve({
    requests: {
      'settings.get': () =>
        new Promise((resolve) =>
          finish.push(() => resolve({ theme: 'dark', welcomed: finish.length > 1, namespaces: {}, protected: [] })),
        ),
    },
  })
  renderer.send({ t: 'request', id: 1, method: 'settings.get', params: {} })
  await settle()
  renderer.send({ t: 'cancel', id: 1 })
  renderer.send({ t: 'request', id: 1, method: 'settings.get', params: {} })
  await settle()
  finish[0]!()
  await settle()
  expect(heard).toEqual([])
  finish[1]!()
  await settle()
  expect(heard).toHaveLength(1)
})

it('refuses more than a window can want', async () => {
  const { renderer, heard, settle } = serve({ requests: { 'settings.get': () => new Promise(() => {}) } })
  for (let id = 0; id < 2001; id++) renderer.send({ t: 'request', id, method: 'settings.get', params: {} })
  await settle()
  expect(heard).toMatchObject([{ t: 'error', id: 2000, error: { reason: 'TooManyRequests' } }])
})

describe('a reference to an object', () => {
  const resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true }
  const good = { context: 'x', resource, namespace: 'default', name: 'web' }
  const asked = async (ref: object) => {
    const got = vi.fn(() => ({}))
    const { renderer, settle } = serve({ requests: { 'object.get': got } })
    renderer.send({ t: 'request', id: 1, method: 'object.get', params: ref })
    await settle()
    return got.mock.calls.length === 1
  }

  it('comes through as it is', async () => {
    expect(await asked(good)).toBe(true)
    expect(await asked({ ...good, name: 'system:node-proxier' })).toBe(true)
    expect(await asked({ ...good, namespace: '' })).toBe(true)
  })

  it.each([
    ['name', '..'],
    ['name', '.'],
    ['name', ''],
    ['name', 'a/b'],
    ['name', 'a%2fb'],
    ['name', 'x'.repeat(300)],
    ['namespace', '..'],
    ['namespace', 'a/b'],
    ['resource', { ...resource, plural: '../secrets' }],
    ['resource', { ...resource, plural: '..' }],
    ['resource', { ...resource, group: 'a/b' }],
    ['resource', { ...resource, version: '..' }],
    ['resource', { ...resource, plural: 'pods?x=y' }],
  ])('never leads elsewhere: %s %j', async (field, value) => {
    expect(await asked({ ...good, [field]: value })).toBe(false)
  })
})
