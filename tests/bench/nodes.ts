import type { Condition } from 'kubernetes-types/meta/v1'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../electron/cluster/base/clock.ts'
import { CriConnection } from '../../electron/cluster/runtime/cri/connection.ts'
import { containerRequest } from '../../electron/cluster/runtime/cri/container-request.ts'
import { sandboxRequest } from '../../electron/cluster/runtime/cri/sandbox-request.ts'
import type { SandboxConfig } from '../../electron/cluster/runtime/api.ts'
import { startContainerd } from '../../electron/cluster/runtime/cri/testing/containerd.ts'
import { serveImages } from '../../electron/cluster/runtime/cri/testing/images.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { send, watching } from './api.ts'
import { median, ownMiB, printTable, quantile, residentMiB, round, treeCpuSeconds } from './figures.ts'
import { load } from './load.ts'
import { agentOf } from './processes.ts'
import { RawConnection, targetOf, type Target } from './raw-client.ts'

const namespace = 'default'
const pods = `/api/v1/namespaces/${namespace}/pods`
const services = `/api/v1/namespaces/${namespace}/services`
const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
/** As many as a node takes. */
const most = 110
const gate = 'bench.wheelhouse.dev/open'

interface Pod {
  metadata: { name: string }
  status?: { phase?: string; podIP?: string; conditions?: Condition[] }
}

/** Nodes that really run pods: how soon they do, what that costs, and the way to them through Services. */
export async function nodes(): Promise<void> {
  await ofProcesses()
  await throughServices()
  await ofContainerd()
}

/** A pod that sleeps, of an image that is there. */
const sleeper = (name: string, image = 'wheelhouse/shell', more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'bench' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image, command: ['sleep', '100000'], imagePullPolicy: 'IfNotPresent' }],
    ...more,
  },
})

interface Bench extends AsyncDisposable {
  cluster: TestCluster
  target: Target
  connection: RawConnection
  /** Creates pods together; answers the milliseconds from the first request until each was seen Running, sorted. */
  run(bodies: readonly object[]): Promise<number[]>
  clear(): Promise<void>
}

async function bench(args: readonly string[]): Promise<Bench> {
  const cluster = await up(args)
  const target = targetOf(cluster.kubeconfig)
  const connection = await RawConnection.open(target)
  const waiting = new Map<string, () => void>()
  const watch = await watching<Pod>(target, `${pods}?watch=true`, ({ metadata: { name }, status }, type) => {
    if (status?.phase === 'Running' && type !== 'DELETED') waiting.get(name)?.()
  })
  return {
    cluster,
    target,
    connection,
    async run(bodies) {
      const names = bodies.map((body) => (body as Pod).metadata.name)
      const running = names.map(
        (name) => new Promise<number>((resolve) => waiting.set(name, () => resolve(performance.now()))),
      )
      const start = performance.now()
      const clients = Math.min(bodies.length, 16)
      await load(
        target,
        clients,
        bodies.length,
        async (one, i) => (await one.request('POST', pods, { body: JSON.stringify(bodies[i]) })).status,
      )
      const at = await Promise.race([Promise.all(running), watch.ended])
      names.forEach((name) => waiting.delete(name))
      return at.map((end) => end - start).sort((a, b) => a - b)
    },
    async clear() {
      await send(connection, 'DELETE', pods)
      while ((await send<{ items: Pod[] }>(connection, 'GET', pods)).items.length) await sleep(100)
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      connection[Symbol.dispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

async function ofProcesses(): Promise<void> {
  await using one = await bench(['--nodes', 'process=1'])
  const agent = agentOf(one.cluster.pid)
  const memory = () => ({ resident: round(residentMiB(agent)), 'of it its own': round(ownMiB(agent)) })
  const idle = memory()
  await one.run([sleeper('first')])
  const measured = async (what: string, work: () => Promise<number[]>) => {
    const before = treeCpuSeconds(one.cluster.pid)
    const times = await work()
    const cpu = ((treeCpuSeconds(one.cluster.pid) - before) * 1000) / times.length
    return {
      pods: what,
      'created to Running, median ms': round(median(times)),
      'last ms': round(times.at(-1)!),
      'CPU of all, ms a pod': round(cpu),
      'agent MiB': round(residentMiB(agent)),
    }
  }
  const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => sleeper(`${name}-${i}`))
  const rows = [
    await measured('20, one after the other', async () => {
      const times: number[] = []
      for (const body of named('single', 20)) times.push(...(await one.run([body])))
      return times.sort((a, b) => a - b)
    }),
    await measured('50 at once', () => one.run(named('crowd', 50))),
  ]
  const missing = most - 71
  rows.push(await measured(`${missing} more at once`, () => one.run(named('rest', missing))))
  printTable('Pods of wheelhouse/shell on a process node', rows)
  await sleep(15_000)
  printTable('Memory of the agent, MiB', [
    { pods: 0, ...idle },
    { pods: most, ...memory() },
  ])
}

/** Answers every connection with a word and ends it. */
const server = `require('net').createServer((s) => s.on('error', () => {}).end('ok')).listen(8000)`

const serving = (name: string, gated: boolean) => ({
  ...sleeper(name),
  metadata: { name, labels: { app: gated ? 'gated' : 'serving' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    ...(gated ? { readinessGates: [{ conditionType: gate }] } : {}),
    containers: [{ name: 'c', image: 'wheelhouse/shell', command: ['node', '-e', server] }],
  },
})

/** Whether somebody answers there now. */
const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.on('error', () => resolve(false))
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
  })

async function throughServices(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return console.log('\nServices: not measured, for the kernel leads to them for root on Linux only.')
  await using one = await bench(['--nodes', 'process=1'])
  const { connection, target } = one
  await one.run([...Array.from({ length: 10 }, (_, i) => serving(`server-${i}`, false)), serving('gated', true)])
  const { items } = await send<{ items: Pod[] }>(connection, 'GET', `${pods}?labelSelector=app%3Dserving`)
  const addresses = items.map(({ status }) => status!.podIP!)
  const { spec } = await send<{ spec: { clusterIP: string } }>(connection, 'POST', services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'gated' },
    spec: { selector: { app: 'gated' }, ports: [{ port: 80, targetPort: 8000 }] },
  })
  const places: string[] = []
  const addServices = (count: number) =>
    load(target, 16, count - places.length, async (each, i) =>
      addService(each, `many-${count}-${i}`, addresses, places),
    )
  const rows: Record<string, string | number>[] = []
  for (const count of [10, 1000]) {
    await addServices(count)
    const last = places.at(-1)!
    while (!(await answers(last, 80))) await sleep(50)
    // What was begun with many changes is worked off first.
    await sleep(3000)
    rows.push({
      services: count,
      ...(await connectionRate(places[Math.floor(places.length / 2)]!)),
      ...(await lag(one, spec.clusterIP)),
    })
  }
  printTable('Services of 10 endpoints each, led to by the kernel', rows)
}

async function addService(
  connection: RawConnection,
  name: string,
  addresses: readonly string[],
  places: string[],
): Promise<number> {
  const ports = [{ name: '', port: 80, targetPort: 8000 }]
  const { spec } = await send<{ spec: { clusterIP: string } }>(connection, 'POST', services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: ports.map(({ port, targetPort }) => ({ port, targetPort })) },
  })
  await send(connection, 'POST', slices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8000, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  })
  places.push(spec.clusterIP)
  return 200
}

/** New connections a second, eight under way at a time, each of which is answered. */
async function connectionRate(host: string): Promise<Record<string, string>> {
  const rates: number[] = []
  for (let run = 0; run < 5; run++) {
    const count = 2000
    let next = 0
    const start = performance.now()
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next++ < count) if (!(await answers(host, 80))) throw new Error(`nobody answers at ${host}`)
      }),
    )
    rates.push(count / ((performance.now() - start) / 1000))
  }
  return { 'connections/s (median of 5)': round(median(rates)) }
}

/** From the watch event that says Ready until a connection through the Service is answered. */
async function lag({ connection, target }: Bench, host: string): Promise<Record<string, string>> {
  const seen = { ready: Promise.withResolvers<number>() }
  using _watch = await watching<Pod>(target, `${pods}?watch=true&labelSelector=app%3Dgated`, ({ status }) => {
    if (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
      seen.ready.resolve(performance.now())
  })
  const open = (status: 'True' | 'False') =>
    send(
      connection,
      'PATCH',
      `${pods}/gated/status`,
      { status: { conditions: [{ type: gate, status }] } },
      'application/strategic-merge-patch+json',
    )
  const lags: number[] = []
  for (let run = 0; run < 20; run++) {
    seen.ready = Promise.withResolvers<number>()
    await open('True')
    while (!(await answers(host, 80))) await new Promise((resolve) => setImmediate(resolve))
    const answered = performance.now()
    lags.push(answered - (await seen.ready.promise))
    await open('False')
    while (await answers(host, 80)) await sleep(10)
  }
  lags.sort((a, b) => a - b)
  return { 'Ready to answered, median ms': round(median(lags)), 'p90 ms': round(quantile(lags, 0.9)) }
}

const runs = 12

async function ofContainerd(): Promise<void> {
  if (!existsSync('/usr/bin/containerd') || process.getuid?.() !== 0)
    return console.log('\ncri: not measured, for there is no containerd, or nobody who may use it.')
  using folder = temporaryFolder()
  await using images = await serveImages()
  await using containerd = await startContainerd(path.join(folder.path, 'c'), images.pause)
  await using one = await bench(['--nodes', 'cri=1', '--cri-socket', containerd.socket])
  await one.run([sleeper('first', images.shell)])
  const own: number[] = []
  const bare: number[] = []
  // By turns, so that both meet the same machine.
  for (let run = 0; run < runs; run++) {
    bare.push(await bareContainer(containerd.socket, folder.path, images.shell, run))
    own.push(...(await one.run([sleeper(`pod-${run}`, images.shell)])))
  }
  // Those of a cluster that stops stay in the runtime.
  await one.clear()
  printTable(`Pods on containerd, one after the other (median of ${runs})`, [
    {
      'sandbox and container by containerd alone, ms': round(median(bare)),
      'created to Running, ms': round(median(own)),
      ratio: round(median(own) / median(bare), 2),
    },
  ])
}

/** What a pod costs containerd itself, asked as our node asks; answers milliseconds. */
async function bareContainer(socket: string, logDirectory: string, image: string, run: number): Promise<number> {
  using cri = new CriConnection(socket, systemClock)
  const { image: found } = await cri.call('ImageStatus', { image: { image } })
  const place = { node: 'bench', cgroupParent: '' }
  const config: SandboxConfig = {
    name: `bare-${run}`,
    namespace: 'bench',
    uid: `bare-${run}`,
    attempt: 0,
    hostname: 'bare',
    labels: {},
    logDirectory,
    dns: { servers: [], searches: [], options: [] },
    hostAliases: [],
    hostNetwork: false,
    sharePid: false,
    portMappings: [],
  }
  const hostsFile = path.join(logDirectory, 'hosts')
  writeFileSync(hostsFile, '')
  const sandbox = sandboxRequest(config, place)
  const container = containerRequest(
    {
      name: 'c',
      attempt: 0,
      image,
      command: ['sleep', '100000'],
      env: [],
      mounts: [],
      labels: {},
      tty: false,
      stdin: false,
      stdinOnce: false,
      logPath: `${run}.log`,
    },
    { ...place, sandbox: config, image: { id: found!.id, tags: [], sizeBytes: 0 }, hostsFile },
  )
  const start = performance.now()
  const { pod_sandbox_id } = await cri.call('RunPodSandbox', { config: sandbox, runtime_handler: '' })
  const request = { pod_sandbox_id, config: container, sandbox_config: sandbox }
  const { container_id } = await cri.call('CreateContainer', request)
  await cri.call('StartContainer', { container_id })
  const took = performance.now() - start
  await cri.call('StopPodSandbox', { pod_sandbox_id })
  await cri.call('RemovePodSandbox', { pod_sandbox_id })
  return took
}
