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
    allowedClients,
    clock: systemClock,
    logger: silentLogger,
    version: 'v1.36.2+wheelhouse',
  })
  await made.listen([0])
  return made
}

const node = (): ServedNode => ({
  name: 'node-1',
  runtime,
  pods: [served],
  find: (namespace, name) => (namespace === 'shop' && name === 'web-1' ? served : undefined),
  status: () => status,
  inspect: async () => ({ sandboxes: await runtime.sandboxes(), containers: await runtime.containers() }),
  directory,
  diskUsage: async () => ({
    at: 0,
    volumes: new Map([['data', { bytes: 4096, files: 1 }]]),
    roots: new Map([['web', { bytes: 8192, files: 2 }]]),
    logs: new Map(),
  }),
  claims: () => [{ namespace: 'shop', persistentvolumeclaim: 'db', path: directory }],
  probeCounts: () => [{ labels: { probe_type: 'Liveness', result: 'failed', container: 'web' }, value: 3 }],
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
    expect((await get('/healthz/syncloop')).code).toBe(200)
    expect((await get('/healthz/nothing')).code).toBe(404)
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

it('sums up the node that is served, or the simulated one that is meant', async () => {
  // The certificate is for the loopback address, whatever the node is called.
  const named = async () => {
    const { text } = await get('/stats/summary', { servername: 'sim-7', checkServerIdentity: () => undefined })
    return (JSON.parse(text) as { node: { nodeName: string } }).node.nodeName
  }
  expect(await named()).toBe('node-1')
  server.served.nodes.pop()
  expect(await named()).toBe('sim-7')
})

describe('what pods use', () => {
  const details = {
    usageBytes: 300,
    rssBytes: 200,
    cacheBytes: 100,
    pageFaults: 7,
    majorPageFaults: 1,
    processes: 4,
    periods: 10,
    throttledPeriods: 3,
    throttledNanos: 2e9,
  }
  beforeEach(() => {
    runtime.onStats = () => ({ at: 0, cpuNanos: 1_500_000_000, memoryBytes: 250, details })
    runtime.container('web').resources = { cpuLimitMilli: 500, memoryLimitBytes: 1000 }
    runtime.networkStats = async () => [
      {
        sandboxId: [...runtime.pods.keys()][0]!,
        at: 5,
        interfaces: [
          {
            name: 'eth0',
            received: { bytes: 11, packets: 2, errors: 0, dropped: 1 },
            sent: { bytes: 22, packets: 3, errors: 0, dropped: 0 },
          },
        ],
      },
    ]
  })

  it('is summed up for autoscalers, files and networks included', async () => {
    const { pods, node: whole } = JSON.parse((await get('/stats/summary')).text) as { pods: object[]; node: object }
    expect(whole).toMatchObject({ fs: { capacityBytes: expect.any(Number) as number }, runtime: { imageFs: {} } })
    expect(pods[0]).toMatchObject({
      cpu: { usageCoreNanoSeconds: 1_500_000_000 },
      memory: { workingSetBytes: 250 },
      network: { name: 'eth0', rxBytes: 11, txBytes: 22 },
      volume: [{ name: 'data', usedBytes: 4096 }],
      'ephemeral-storage': { usedBytes: 12_288, inodesUsed: 3 },
      containers: [
        { memory: { usageBytes: 300, rssBytes: 200, availableBytes: 750, pageFaults: 7 }, rootfs: { usedBytes: 8192 } },
      ],
    })
  })

  it('is told without a walk through files where only CPU and memory are asked for', async () => {
    const { text } = await get('/stats/summary?only_cpu_and_memory=true')
    expect(text).toContain('workingSetBytes')
    expect(text).not.toContain('rootfs')
    expect(text).not.toContain('capacityBytes')
  })

  it('is told as Prometheus reads it, as cAdvisor and the resource metrics name it', async () => {
    const cadvisor = (await get('/metrics/cadvisor')).text
    const [id] = [...runtime.runs.keys()]
    const labels = `container="web",id="/kubepods/poduid-1/${id}",image="shop/web:1",name="${id}",namespace="shop",pod="web-1"`
    expect(cadvisor).toContain('# TYPE container_cpu_usage_seconds_total counter\n')
    expect(cadvisor).toContain(`container_cpu_usage_seconds_total{${labels}} 1.5 0\n`)
    expect(cadvisor).toContain(`container_cpu_cfs_throttled_seconds_total{${labels}} 2 0\n`)
    expect(cadvisor).toContain(`container_spec_cpu_quota{${labels}} 50000 0\n`)
    expect(cadvisor).toContain('container_network_receive_bytes_total{container="",id="/kubepods/poduid-1",image="",')
    const resource = (await get('/metrics/resource')).text
    expect(resource).toContain(
      'container_memory_working_set_bytes{container="web",namespace="shop",pod="web-1"} 250 0\n',
    )
    expect(resource).toContain('pod_cpu_usage_seconds_total{namespace="shop",pod="web-1"} 1.5 0\n')
  })

  it('and the agent does is told in /metrics, probes in a place of their own', async () => {
    const own = (await get('/metrics')).text
    expect(own).toContain('kubelet_running_pods 1\n')
    expect(own).toContain('kubelet_running_containers{container_state="running"} 1\n')
    expect(own).toMatch(/kubelet_volume_stats_capacity_bytes\{namespace="shop",persistentvolumeclaim="db"\} \d+\n/)
    expect((await get('/metrics/probes')).text).toContain(
      'prober_probe_total{probe_type="Liveness",result="failed",container="web"} 3\n',
    )
    expect((await get('/metrics/nothing')).code).toBe(404)
    expect(JSON.parse((await get('/configz')).text)).toMatchObject({ kubeletconfig: { containerLogMaxFiles: 5 } })
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
