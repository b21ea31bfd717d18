import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../base/clock.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { loopbackCertificate } from '../../client/testing/tls.ts'
import { FakeRuntime } from '../../runtime/testing/fake-runtime.ts'
import { container, pod } from '../testing/builders.ts'
import type { ContainerStatus, Pod, PodStatus } from '../types.ts'
import type { ServedNode } from './host.ts'
import { KubeletServer } from './kubelet-server.ts'

let directory: string
let server: KubeletServer
let runtime: FakeRuntime
let served: Pod
let status: PodStatus
const credentials = { key: loopbackCertificate.key, cert: loopbackCertificate.cert }

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'server-test-'))
  runtime = new FakeRuntime(new FakeClock())
  server = await listen(['loopback'])
  served = pod()
  const sandboxId = await runtime.runSandbox({ ...sandboxConfig, logDirectory: directory })
  const id = await runtime.createContainer(sandboxId, containerConfig)
  await runtime.startContainer(id)
  status = { containerStatuses: [statusOf({ containerID: `fake://${id}`, state: { running: {} } })] }
  server.served.nodes.push(node())
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

const sandboxConfig = {
  name: 'web-1',
  namespace: 'shop',
  uid: 'uid-1',
  attempt: 0,
  hostname: 'web-1',
  labels: {},
  logDirectory: '',
  dns: { servers: [], searches: [], options: [] },
  hostAliases: [],
  hostNetwork: false,
  sharePid: false,
  portMappings: [],
}
const containerConfig = {
  name: 'web',
  attempt: 0,
  image: 'shop/web:1',
  env: [],
  mounts: [],
  tty: false,
  stdin: false,
  stdinOnce: false,
  logPath: 'web/0.log',
  labels: {},
}
const statusOf = (overrides: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'web',
  image: 'shop/web:1',
  imageID: '',
  ready: true,
  restartCount: 0,
  ...overrides,
})

async function listen(allowedClients: string[]): Promise<KubeletServer> {
  const tls = { ...credentials, clientCa: credentials.cert }
  const made = new KubeletServer({
    tls,
    host: '127.0.0.1',
    port: 0,
    allowedClients,
    clock: systemClock,
    logger: silentLogger,
  })
  await made.listen()
  return made
}

const node = (): ServedNode => ({
  name: 'node-1',
  runtime,
  pods: [served],
  find: (namespace, name) => (namespace === 'shop' && name === 'web-1' ? served : undefined),
  status: () => status,
  inspect: async () => ({ sandboxes: await runtime.sandboxes(), containers: await runtime.containers() }),
})

async function get(url: string, options: https.RequestOptions = {}): Promise<{ code: number; text: string }> {
  const request = https.get(`https://127.0.0.1:${server.port}${url}`, {
    ...credentials,
    ca: credentials.cert,
    agent: false,
    ...options,
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const pieces = await response.toArray()
  return { code: response.statusCode ?? 0, text: Buffer.concat(pieces as Buffer[]).toString() }
}

describe('the kubelet server', () => {
  it('turns away who has no certificate of the cluster, or another one than the API server', async () => {
    expect(await get('/healthz')).toEqual({ code: 200, text: 'ok' })
    await expect(get('/healthz', { key: undefined, cert: undefined })).rejects.toThrow()
    await server[Symbol.asyncDispose]()
    server = await listen(['kube-apiserver-kubelet-client'])
    expect((await get('/healthz')).code).toBe(403)
  })

  it('lists its pods and knows only its own paths', async () => {
    expect(JSON.parse((await get('/pods')).text)).toMatchObject({
      kind: 'PodList',
      items: [{ metadata: { name: 'web-1' } }],
    })
    expect((await get('/nothing')).code).toBe(404)
    expect((await get('/exec/shop/web-1/web?command=ls&output=1')).code).toBe(400)
    expect(JSON.parse((await get('/stats/summary')).text)).toMatchObject({
      pods: [{ podRef: { name: 'web-1' }, containers: [{ name: 'web', memory: { workingSetBytes: 2 } }] }],
    })
  })
})

describe('logs', () => {
  const log = (query = '', container = 'web') => get(`/containerLogs/shop/web-1/${container}?${query}`)

  it('are served by the options of the request', async () => {
    await writeFile(
      runtime.container('web').logPath,
      '2026-01-01T00:00:01Z stdout F one\n2026-01-01T00:00:02Z stderr F two\n',
    )
    expect(await log()).toEqual({ code: 200, text: 'one\ntwo\n' })
    expect((await log('tailLines=1&timestamps=true')).text).toBe('2026-01-01T00:00:02Z two\n')
    expect((await log('tailLines=x')).code).toBe(422)
  })

  it('are followed until the container ends', async () => {
    const { logPath } = runtime.container('web')
    await writeFile(logPath, '2026-01-01T00:00:01Z stdout F one\n')
    const following = log('follow=true')
    await appendFile(logPath, '2026-01-01T00:00:02Z stdout F two\n')
    runtime.exit('web', 0)
    expect((await following).text).toBe('one\ntwo\n')
  })

  it('of the run before are served where there is one', async () => {
    expect(await log('previous=true')).toEqual({
      code: 400,
      text: 'previous terminated container "web" in pod "web-1" not found\n',
    })
    const { id, logPath } = runtime.container('web')
    await writeFile(logPath, '2026-01-01T00:00:01Z stdout F before\n')
    const terminated = { exitCode: 1, containerID: `fake://${id}` }
    status = {
      containerStatuses: [statusOf({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } })],
    }
    expect((await log('previous=true')).text).toBe('before\n')
    expect((await log()).text).toBe('before\n')
  })

  it('that cannot be are refused with the reason', async () => {
    status = { containerStatuses: [statusOf({ state: { waiting: { reason: 'ContainerCreating' } } })] }
    expect(await log()).toEqual({
      code: 400,
      text: 'container "web" in pod "web-1" is waiting to start: ContainerCreating\n',
    })
    expect((await log('', 'other')).text).toBe('container "other" not found in pod "web-1"\n')
    expect((await get('/containerLogs/shop/nobody/web')).code).toBe(404)
  })

  it('of a simulated pod do not exist, which is said', async () => {
    server.served.refusals.push((_, name) => (name === 'sim' ? 'there are no logs' : undefined))
    expect(await get('/containerLogs/shop/sim/web')).toEqual({ code: 400, text: 'there are no logs\n' })
  })
})

describe('streams', () => {
  const open = (url: string, protocols: string[]) =>
    new WebSocket(`wss://127.0.0.1:${server.port}${url}`, protocols, { ...credentials, ca: credentials.cert })

  it('run commands for WebSocket clients', async () => {
    const socket = open('/exec/shop/web-1/web?command=cat&input=1&output=1', ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
    const messages: Buffer[] = []
    socket.on('message', (message: Buffer) => messages.push(message))
    await once(socket, 'open')
    expect(socket.protocol).toBe('v5.channel.k8s.io')
    socket.send(Buffer.from('\0hello'))
    socket.send(Buffer.from([255, 0]))
    await once(socket, 'close')
    const of = (channel: number) =>
      Buffer.concat(messages.filter((m) => m[0] === channel).map((m) => m.subarray(1))).toString()
    expect([of(1), JSON.parse(of(3))]).toMatchObject(['hello', { status: 'Success' }])
  })

  it('are refused before the upgrade, with a plain reason', async () => {
    const refused = async (url: string) => {
      const [, response] = (await once(open(url, []), 'unexpected-response')) as [unknown, IncomingMessage]
      return [response.statusCode, Buffer.concat((await response.toArray()) as Buffer[]).toString()]
    }
    expect(await refused('/exec/shop/web-1/other?command=ls&output=1')).toEqual([
      404,
      'container not found ("other")\n',
    ])
    expect(await refused('/exec/shop/nobody/web?command=ls&output=1')).toEqual([404, 'pod does not exist\n'])
    expect(await refused('/exec/shop/web-1/web?command=ls')).toEqual([
      400,
      'you must specify at least 1 of stdin, stdout, stderr\n',
    ])
    server.served.refusals.push((_, name) => (name === 'sim' ? 'simulated: nothing to see' : undefined))
    const [code, body] = await refused('/exec/shop/sim/web?command=ls&output=1')
    expect([code, JSON.parse(String(body))]).toMatchObject([
      400,
      { kind: 'Status', reason: 'BadRequest', message: 'simulated: nothing to see' },
    ])
    served = pod({ containers: [container()], spec: { ephemeralContainers: [{ name: 'late', image: 'i' }] } })
    server.served.nodes[0] = node()
    expect(await refused('/attach/shop/web-1/late?output=1')).toEqual([404, 'container not found ("late")\n'])
  })
})
