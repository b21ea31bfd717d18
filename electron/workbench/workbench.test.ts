import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Frame, FramePort } from '#shared/ipc/channel.ts'
import type { QueryMessage } from '#shared/ipc/queries.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { memoryPorts } from './channel/memory-port.ts'
import { FakeApiServer, podsOf } from './testing/fake-api-server.ts'
import { createWorkbench, type Workbench } from './workbench.ts'

let folder: string
let server: FakeApiServer
let workbench: Workbench
let renderer: FramePort
let heard: Frame[]
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'workbench-'))
  server = await FakeApiServer.start()
  writeFileSync(path.join(folder, 'config'), server.kubeconfig())
  mkdirSync(path.join(folder, 'manifests'))
  writeFileSync(
    path.join(folder, 'manifests', 'hello.yaml'),
    '# Hello\n# Says it.\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n',
  )
  workbench = createWorkbench({
    host: 'serve',
    version: '1.2.3',
    userDirectory: path.join(folder, 'user'),
    clusterDirectory: path.join(folder, 'cluster'),
    kubeconfigFiles: [path.join(folder, 'config')],
    nodeBinary: process.execPath,
    clusterEntry: path.join(folder, 'none.mjs'),
    manifestsDirectory: path.join(folder, 'manifests'),
  })
  const [end, other] = memoryPorts()
  renderer = end
  heard = []
  renderer.onFrame((frame) => heard.push(frame))
  workbench.attach(other)
})
afterEach(async () => {
  await workbench[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

let ids = 0
async function ask(method: string, params: object = {}): Promise<unknown> {
  const id = ++ids
  renderer.send({ t: 'request', id, method, params })
  const answer = await vi.waitFor(() => {
    const found = heard.find((frame) => frame.id === id)
    expect(found).toBeDefined()
    return found!
  })
  return answer.t === 'result' ? answer.value : answer.t === 'error' ? answer.error : undefined
}
function listen<T>(method: string, params: object = {}): () => T | undefined {
  const id = ++ids
  renderer.send({ t: 'open', id, method, params })
  return () =>
    heard.filter((frame): frame is Frame & { t: 'message' } => frame.t === 'message' && frame.id === id).at(-1)
      ?.value as T | undefined
}
const context = () => `${path.join(folder, 'config')}#fake`

it('answers about itself, its samples and its settings', async () => {
  expect(await ask('app.info')).toEqual({ version: '1.2.3', host: 'serve', platform: process.platform })
  expect(await ask('samples.list')).toMatchObject([{ name: 'hello', title: 'Hello', description: 'Says it.' }])
  expect(await ask('settings.set', { theme: 'dark' })).toMatchObject({ theme: 'dark' })
  expect(await ask('settings.get')).toMatchObject({ theme: 'dark' })
})

it('brings a cluster from its kubeconfig to the rows of a table, over one channel', async () => {
  const contexts = listen<{ contexts: { id: string; connection: object }[] }>('contexts.watch')
  await vi.waitFor(() => expect(contexts()?.contexts.map(({ id }) => id)).toEqual(['builtin', context()]))
  expect(await ask('contexts.connect', { context: context() })).toEqual({ version: 'v1.36.0-fake' })
  await vi.waitFor(() =>
    expect(contexts()?.contexts[1]?.connection).toEqual({ state: 'live', version: 'v1.36.0-fake' }),
  )
  expect(await ask('contexts.resources', { context: context() })).toMatchObject([{ plural: 'pods' }])

  server.store.put(podsOf('default'), { metadata: { name: 'web', labels: { app: 'web' } } } as KubeObject)
  server.store.put(podsOf('default'), { metadata: { name: 'db', labels: { app: 'db' } } } as KubeObject)
  const query = listen<QueryMessage>('query.open', {
    context: context(),
    resource: pods,
    namespaces: [],
    filter: { labels: 'app=web' },
    window: { offset: 0, count: 10 },
  })
  await vi.waitFor(() => expect(query()).toMatchObject({ total: 2, matching: 1, freshness: { state: 'live' } }))

  await ask('object.delete', { context: context(), resource: pods, namespace: 'default', name: 'web' })
  await vi.waitFor(() => expect(query()).toMatchObject({ total: 1, matching: 0 }))
})

it('lets go of everything when a window is closed', async () => {
  listen('query.open', {
    context: context(),
    resource: pods,
    namespaces: [],
    filter: {},
    window: { offset: 0, count: 10 },
  })
  listen('object.watch', { context: context(), resource: pods, namespace: 'default', name: 'web' })
  server.store.put(podsOf('default'), { metadata: { name: 'web' } } as KubeObject)
  await vi.waitFor(() => expect(server.watching).toBeGreaterThan(0))
  await workbench[Symbol.asyncDispose]()
  await vi.waitFor(() => expect(server.watching).toBe(0))
})

it('says what is wrong and how to cure it, also where nothing was foreseen', async () => {
  expect(await ask('object.get', { context: 'builtin', resource: pods, namespace: 'a', name: 'b' })).toMatchObject({
    reason: 'Stopped',
    cure: expect.any(String) as string,
  })
  expect(await ask('object.get', { context: 'nope', resource: pods, namespace: 'a', name: 'b' })).toMatchObject({
    reason: 'NotFound',
  })
  server.fault = () => 'cut'
  expect(await ask('object.get', { context: context(), resource: pods, namespace: 'a', name: 'b' })).toMatchObject({
    reason: 'Unreachable',
    cure: expect.any(String) as string,
  })
})
