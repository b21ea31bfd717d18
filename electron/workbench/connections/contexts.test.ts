import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { BuiltinStatus } from '#shared/ipc/hosts.ts'
import { unauthorized } from '#shared/kube/status.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { builtinId, Contexts } from './contexts.ts'

let folder: string
let server: FakeApiServer
let contexts: Contexts | undefined
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'contexts-'))
  server = await FakeApiServer.start()
})
afterEach(async () => {
  contexts?.[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const file = () => path.join(folder, 'config')
const id = () => `${file()}#fake`
function open(config = server.kubeconfig()): Contexts {
  writeFileSync(file(), config)
  return (contexts = new Contexts({ files: [file()], interval: 10 }))
}
const stateOf = (of: Contexts, context = id()) => of.list().find((info) => info.id === context)?.connection
const until = (check: () => void) => vi.waitFor(check, 5000)

describe('a context', () => {
  it('is contacted only when somebody asks', async () => {
    const all = open()
    expect(stateOf(all)).toEqual({ state: 'idle' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(server.requests).toEqual([])
    expect(await all.connect(id())).toBe('v1.36.0-fake')
    expect(stateOf(all)).toEqual({ state: 'live', version: 'v1.36.0-fake' })
  })

  it('that does not answer says why; it is live as soon as any request reaches it', async () => {
    const { port } = server
    const all = open()
    await server.close()
    await expect(all.connect(id())).rejects.toMatchObject({ reason: 'Unreachable' })
    expect(stateOf(all)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('Nothing answers') as string,
      cure: expect.any(String) as string,
    })
    await server.listen(port)
    await all.connection(id()).json('/api/v1/pods')
    await until(() => expect(stateOf(all)).toEqual({ state: 'live', version: 'v1.36.0-fake' }))
  })

  it('that goes away is reconnecting since its last answer, and is looked for until it is back', async () => {
    const { port } = server
    const all = open()
    await all.connect(id())
    const before = Date.now()
    await server.close()
    await all
      .connection(id())
      .json('/api/v1/pods')
      .catch(() => {})
    const state = stateOf(all)
    expect(state).toMatchObject({ state: 'reconnecting' })
    expect((state as { since: number }).since).toBeLessThanOrEqual(before)
    await server.listen(port)
    await until(() => expect(stateOf(all)).toMatchObject({ state: 'live' }))
  })

  it('that refuses the login has failed, with the cure', async () => {
    const all = open()
    await all.connect(id())
    server.fault = () => unauthorized()
    await all
      .connection(id())
      .json('/api/v1/pods')
      .catch(() => {})
    expect(stateOf(all)).toMatchObject({ state: 'failed', cure: 'Log in again, or fetch a new kubeconfig.' })
  })

  it('that hides its version is live all the same', async () => {
    const all = open()
    server.fault = () => ({ code: 403, body: {} })
    expect(await all.connect(id())).toBe('')
    expect(stateOf(all)).toEqual({ state: 'live', version: '' })
  })

  it('that the kubeconfig no longer has is gone, and says so to who asks for it', async () => {
    const all = open()
    writeFileSync(file(), server.kubeconfig('other'))
    await until(() => expect(all.list().map(({ name }) => name)).toEqual(['wheelhouse', 'other']))
    expect(() => all.connection(id())).toThrow(/There is no context/)
  })

  it('keeps its connection while the kubeconfig changes elsewhere, and gets another with other credentials', async () => {
    const all = open()
    const connection = all.connection(id())
    const parsed = JSON.parse(server.kubeconfig()) as { contexts: object[]; users: object[] }
    parsed.contexts.push({ name: 'more', context: { cluster: 'c', user: 'u' } })
    writeFileSync(file(), JSON.stringify(parsed))
    await until(() => expect(all.list()).toHaveLength(3))
    expect(all.connection(id())).toBe(connection)
    writeFileSync(file(), server.kubeconfig('fake', 'another'))
    await until(() => expect(all.connection(id())).not.toBe(connection))
  })

  it('outlives a kubeconfig that is caught half-written', async () => {
    const all = open()
    const connection = all.connection(id())
    writeFileSync(file(), server.kubeconfig().slice(0, 40))
    await until(() => expect(all.problems).toEqual([expect.stringContaining('is not a kubeconfig') as string]))
    expect(all.connection(id())).toBe(connection)
    writeFileSync(file(), server.kubeconfig())
    await until(() => expect(all.problems).toEqual([]))
    expect(all.connection(id())).toBe(connection)
  })
})

describe('the built-in cluster', () => {
  const status = (state: BuiltinStatus['state'], more: Partial<BuiltinStatus> = {}): BuiltinStatus => ({
    state,
    dataDirectory: '',
    restarts: 0,
    ...more,
  })
  const kubeconfig = (token = 'token') => {
    const where = path.join(folder, 'builtin')
    writeFileSync(where, server.kubeconfig('wheelhouse', token))
    return where
  }

  it('is listed first whatever its state, and greeted once it runs', async () => {
    const all = open()
    expect(all.list()[0]).toMatchObject({
      id: builtinId,
      builtin: true,
      connection: { state: 'failed', message: 'The built-in cluster is not running.' },
    })
    expect(() => all.connection(builtinId)).toThrow('The built-in cluster is not running.')
    all.builtinChanged(status('starting'))
    expect(stateOf(all, builtinId)).toEqual({ state: 'connecting' })
    expect(() => all.connection(builtinId)).toThrow('The built-in cluster is starting.')
    all.builtinChanged(status('running', { kubeconfig: kubeconfig() }))
    await until(() => expect(stateOf(all, builtinId)).toEqual({ state: 'live', version: 'v1.36.0-fake' }))
    expect(all.list()[0]).toMatchObject({ name: 'wheelhouse', source: 'built-in' })
  })

  it('keeps its connection over a crash, and gets another when it comes back with other keys', async () => {
    const all = open()
    all.builtinChanged(status('running', { kubeconfig: kubeconfig() }))
    const connection = all.connection(builtinId)
    all.builtinChanged(status('restarting', { message: 'It crashed.' }))
    expect(stateOf(all, builtinId)).toMatchObject({ state: 'reconnecting', message: 'It crashed.' })
    all.builtinChanged(status('running', { kubeconfig: kubeconfig() }))
    expect(all.connection(builtinId)).toBe(connection)
    all.builtinChanged(status('stopped'))
    all.builtinChanged(status('running', { kubeconfig: kubeconfig('after a reset') }))
    expect(all.connection(builtinId)).not.toBe(connection)
  })

  it('that cannot run says why', () => {
    const all = open()
    all.builtinChanged(status('failed', { message: 'Port 6443 is in use.', cure: 'Choose another.' }))
    expect(stateOf(all, builtinId)).toEqual({
      state: 'failed',
      message: 'Port 6443 is in use.',
      cure: 'Choose another.',
    })
  })
})

describe('discovery', () => {
  const kinds = [
    { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
    {
      group: 'autoscaling',
      version: 'v2',
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    },
    {
      group: 'autoscaling',
      version: 'v1',
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    },
    { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true },
    { group: 'batch', version: 'v1beta1', plural: 'cronjobs', kind: 'CronJob', namespaced: true },
  ]

  it.each([true, false])(
    'shows each kind in the version that the server prefers (aggregated: %s)',
    async (aggregated) => {
      server.resources = kinds
      server.aggregated = aggregated
      const all = open()
      const found = await all.resources(id())
      expect(found.map(({ group, version, plural, namespaced }) => [group, version, plural, namespaced])).toEqual([
        ['', 'v1', 'pods', true],
        ['autoscaling', 'v2', 'horizontalpodautoscalers', true],
        ['batch', 'v1', 'jobs', true],
        ['batch', 'v1beta1', 'cronjobs', true],
      ])
      expect((await all.kinds(id())).map(({ group, version }) => `${group}/${version}`)).toContain('autoscaling/v1')
    },
  )

  it('on an old server is not spoilt by one API that is down', async () => {
    server.resources = kinds
    server.aggregated = false
    server.fault = ({ path: asked }) =>
      asked === '/apis/autoscaling/v2' || asked === '/apis/autoscaling/v1'
        ? { code: 503, body: 'service unavailable' }
        : undefined
    expect((await open().resources(id())).map(({ plural }) => plural)).toEqual(['pods', 'jobs', 'cronjobs'])
  })

  it('is asked once by those who ask together, and anew afterwards', async () => {
    const all = open()
    await Promise.all([all.kinds(id()), all.kinds(id())])
    expect(server.asked(/GET \/api\?/)).toHaveLength(1)
    await all.resources(id())
    expect(server.asked(/GET \/api\?/)).toHaveLength(2)
  })
})
