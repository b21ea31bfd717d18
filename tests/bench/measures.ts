import { cpuSeconds, printTable, median, quantile, residentMiB, round } from './figures.ts'
import { startFloor } from './floor.ts'
import { load } from './load.ts'
import { RawConnection, targetOf, type Target } from './raw-client.ts'
import { up, type TestCluster } from '../support/cluster.ts'

export interface Size {
  pods: number
  /** Requests per client count. */
  requests: number
  replicas: number
}

const namespace = 'bench'
const maps = `/api/v1/namespaces/${namespace}/configmaps`
const podsPath = `/api/v1/namespaces/${namespace}/pods`
const merge = 'application/merge-patch+json'

async function expectOk(connection: RawConnection, ...args: Parameters<RawConnection['request']>) {
  const answer = await connection.request(...args)
  if (answer.status >= 300)
    throw new Error(`${args[0]} ${args[1]} answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`)
  return answer
}

async function prepared(args: readonly string[]): Promise<{ cluster: TestCluster; target: Target } & AsyncDisposable> {
  const cluster = await up(args)
  const target = targetOf(cluster.kubeconfig)
  using connection = await RawConnection.open(target)
  const create = (path: string, body: object) => expectOk(connection, 'POST', path, { body: JSON.stringify(body) })
  await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  if (args.includes('--bare'))
    await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    })
  return { cluster, target, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

export async function startup(): Promise<void> {
  const fresh: number[] = []
  const kept: number[] = []
  for (let run = 0; run < 3; run++) {
    const start = performance.now()
    await using first = await up(['--bare'])
    fresh.push(performance.now() - start)
    await first.process[Symbol.asyncDispose]()
    const again = performance.now()
    await using _second = await up(['--bare'], first.data)
    kept.push(performance.now() - again)
  }
  printTable('Start to /readyz, from the exec of Node, ms (median of 3)', [
    { fresh: round(median(fresh)), 'kept data': round(median(kept)) },
  ])
}

export async function requests({ requests: total }: Size): Promise<void> {
  await using server = await prepared(['--bare'])
  await using floor = await startFloor(1)
  const text = 'x'.repeat(900)
  const rows = []
  for (const clients of [1, 16, 64]) {
    const count = clients === 1 ? Math.ceil(total / 4) : total
    const name = (i: number) => `m-${clients}-${i}`
    const body = (i: number, n = 0) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name(i) }, data: { text, n: String(n) } })
    const run = async (send: (connection: RawConnection, i: number) => Promise<{ status: number }>) =>
      load(server.target, clients, count, async (connection, i) => (await send(connection, i)).status)
    const bare = await load(
      floor.target,
      clients,
      count * 2,
      async (connection) => (await connection.request('GET', '/small')).status,
    )
    const figures = {
      create: await run((c, i) => c.request('POST', maps, { body: body(i) })),
      get: await run((c, i) => c.request('GET', `${maps}/${name(i)}`)),
      put: await run((c, i) => c.request('PUT', `${maps}/${name(i)}`, { body: body(i, 1) })),
      patch: await run((c, i) =>
        c.request('PATCH', `${maps}/${name(i)}`, { body: '{"data":{"n":"2"}}', contentType: merge }),
      ),
      delete: await run((c, i) => c.request('DELETE', `${maps}/${name(i)}`)),
    }
    for (const [verb, f] of Object.entries(figures))
      rows.push({
        clients,
        verb,
        'per second': round(f.perSecond),
        'p50 ms': round(f.p50, 2),
        'p99 ms': round(f.p99, 2),
        failed: f.failures,
        'bare GET/s': round(bare.perSecond),
        'of the floor': round(f.perSecond / bare.perSecond, 2),
      })
  }
  printTable('Requests on ConfigMaps of 1 KB, durable', rows)
}

const examplePod = (i: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `pod-${String(i).padStart(6, '0')}`,
    labels: { app: 'bench', group: String(i % 50), 'app.kubernetes.io/managed-by': 'wheelhouse-bench' },
    annotations: { 'bench.wheelhouse.dev/text': 'lorem ipsum dolor sit amet '.repeat(40) },
  },
  spec: {
    containers: [0, 1].map((n) => ({
      name: `c${n}`,
      image: 'registry.example.com/team/application:1.2.3',
      ports: [{ containerPort: 8080 + n }],
      env: Array.from({ length: 8 }, (_, e) => ({ name: `SETTING_${e}`, value: `value-${e}` })),
      resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '1', memory: '1Gi' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 8080 + n } },
    })),
  },
})

export async function lists({ pods }: Size): Promise<void> {
  await using server = await prepared(['--bare'])
  const before = residentMiB(server.cluster.pid)
  await load(
    server.target,
    16,
    pods,
    async (connection, i) =>
      (await expectOk(connection, 'POST', podsPath, { body: JSON.stringify(examplePod(i)) })).status,
  )
  const filled = residentMiB(server.cluster.pid)
  using connection = await RawConnection.open(server.target)
  const time = async (path: string, accept = 'application/json') => {
    const times: number[] = []
    let bytes = 0
    for (let run = 0; run < 5; run++) {
      const start = performance.now()
      bytes = (await expectOk(connection, 'GET', path, { accept, onData: () => {} })).bytes
      times.push(performance.now() - start)
    }
    return { ms: median(times), bytes }
  }
  const plain = await time(podsPath)
  await using floor = await startFloor(plain.bytes)
  using bare = await RawConnection.open(floor.target)
  const floorTimes: number[] = []
  for (let run = 0; run < 5; run++) {
    const start = performance.now()
    await bare.request('GET', '/large', { onData: () => {} })
    floorTimes.push(performance.now() - start)
  }
  const floorMs = median(floorTimes)
  const row = (what: string, { ms, bytes }: { ms: number; bytes: number }) => ({
    what,
    ms: round(ms),
    MB: round(bytes / 1e6, 1),
    'of the floor': round(ms / floorMs, 2),
  })
  printTable(
    `LIST of ${pods} pods (median of 5; floor: a bare Node HTTPS server sends the same bytes in ${round(floorMs)} ms)`,
    [
      row('plain', plain),
      row('as Table', await time(podsPath, 'application/json;as=Table;v=v1;g=meta.k8s.io')),
      row('metadata', await time(podsPath, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')),
      row('selector, 1 in 50', await time(`${podsPath}?labelSelector=group%3D7`)),
      row('first page of 500', await time(`${podsPath}?limit=500`)),
    ],
  )
  printTable('Memory of the cluster process, MiB', [
    { idle: round(before), [`${pods} pods`]: round(filled), 'after lists': round(residentMiB(server.cluster.pid)) },
  ])
}

/** Opens that many watches, and counts the lines and bytes that they are sent. */
async function watching(target: Target, path: string, watchers: number) {
  const seen = { events: 0, bytes: 0 }
  const newline = 10
  const count = (chunk: Buffer) => {
    seen.bytes += chunk.length
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) seen.events++
  }
  const connections = await Promise.all(Array.from({ length: watchers }, () => RawConnection.open(target)))
  for (const connection of connections) connection.request('GET', path, { onData: count }).catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 500))
  seen.events = seen.bytes = 0
  return {
    seen,
    [Symbol.dispose]() {
      for (const connection of connections) connection[Symbol.dispose]()
    },
  }
}

/** Events per second that all watchers are sent while 16 clients cause `writes` of them as fast as they can. */
async function flood(
  target: Target,
  seen: { events: number },
  { writes, watchers }: { writes: number; watchers: number },
  write: (connection: RawConnection, i: number) => Promise<{ status: number }>,
) {
  const from = seen.events
  const start = performance.now()
  await load(target, 16, writes, async (connection, i) => (await write(connection, i)).status)
  while (seen.events < from + writes * watchers && performance.now() - start < 60_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  const delivered = seen.events - from
  return { delivered, perSecond: delivered / ((performance.now() - start) / 1000) }
}

export async function watches({ requests: total }: Size): Promise<void> {
  await using server = await prepared(['--bare'])
  const size = { watchers: 100, writes: Math.min(total, 2000) }
  using watch = await watching(server.target, `${maps}?watch=true&resourceVersion=0`, size.watchers)
  const { seen } = watch
  const body = (i: number) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `w-${i}` },
      data: { text: 'x'.repeat(900) },
    })
  const create = (connection: RawConnection, i: number) => expectOk(connection, 'POST', maps, { body: body(i) })
  using writer = await RawConnection.open(server.target)
  const lags: number[] = []
  for (let i = 0; i < 50; i++) {
    const want = seen.events + size.watchers
    await create(writer, i)
    const answered = performance.now()
    while (seen.events < want) await new Promise((resolve) => setImmediate(resolve))
    lags.push(performance.now() - answered)
  }
  lags.sort((a, b) => a - b)
  const own = await flood(server.target, seen, size, (connection, i) => create(connection, 1000 + i))
  const lineLength = Math.round(seen.bytes / seen.events)

  await using floor = await startFloor(lineLength - 1)
  using bareWatch = await watching(floor.target, '/watch', size.watchers)
  const bare = await flood(floor.target, bareWatch.seen, size, (connection) => connection.request('GET', '/event'))
  printTable(`Watch, 100 watchers of every ConfigMap, events of ${lineLength} bytes`, [
    {
      'paced: all have it after the answer, p50 ms': round(quantile(lags, 0.5), 2),
      'p99 ms': round(quantile(lags, 0.99), 2),
      'flood: events/s': round(own.perSecond),
      delivered: `${own.delivered} of ${size.writes * size.watchers}`,
      'bare events/s': round(bare.perSecond),
      'of the floor': round(own.perSecond / bare.perSecond, 2),
    },
  ])
}

/** Ready nodes on which nobody runs anything: pods are bound to them, and that is all. */
async function nodesWithoutKubelets(connection: RawConnection, count: number): Promise<void> {
  const resources = { cpu: '1000', memory: '4Ti', pods: '5000', 'ephemeral-storage': '1Ti' }
  const now = new Date().toISOString().replace(/\.\d+/, '')
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  }
  for (let i = 0; i < count; i++) {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: `bare-${i}` } }
    await expectOk(connection, 'POST', '/api/v1/nodes', { body: JSON.stringify(node) })
    await expectOk(connection, 'PATCH', `/api/v1/nodes/bare-${i}/status`, {
      body: JSON.stringify({ status: { capacity: resources, allocatable: resources, conditions: [ready] } }),
      contentType: merge,
    })
  }
  const isTainted = async () => {
    const { body } = await expectOk(connection, 'GET', '/api/v1/nodes')
    const { items } = JSON.parse(body.toString()) as { items: { spec: { taints?: object[] } }[] }
    return items.some(({ spec }) => spec.taints?.length)
  }
  while (await isTainted()) await new Promise((resolve) => setTimeout(resolve, 200))
}

/** From the creation of a Deployment until all of its pods are bound, in a process of its own. */
async function allBound(nodes: 'simulated' | 'without kubelets', replicas: number) {
  const isSimulated = nodes === 'simulated'
  await using server = await prepared(['--nodes', `simulated=${isSimulated ? 10 : 0}`])
  using connection = await RawConnection.open(server.target)
  if (!isSimulated) await nodesWithoutKubelets(connection, 5)
  using watcher = await RawConnection.open(server.target)
  const bound = new Set<string>()
  let rest = ''
  watcher
    .request('GET', `${podsPath}?watch=true&resourceVersion=0`, {
      onData: (chunk) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop()!
        for (const line of lines) {
          const { object } = JSON.parse(line) as {
            object: { metadata: { name: string }; spec?: { nodeName?: string } }
          }
          if (object.spec?.nodeName) bound.add(object.metadata.name)
        }
      },
    })
    .catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const labels = { app: 'bench' }
  const template = {
    metadata: { labels },
    spec: {
      containers: [
        { name: 'c', image: 'registry.example.com/web:1', resources: { requests: { cpu: '10m', memory: '16Mi' } } },
      ],
    },
  }
  const cpu = cpuSeconds(server.cluster.pid)
  const start = performance.now()
  await expectOk(connection, 'POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    body: JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas, selector: { matchLabels: labels }, template },
    }),
  })
  while (bound.size < replicas && performance.now() - start < 120_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  return {
    nodes: isSimulated ? '10, simulated: pods run' : '5 without kubelets',
    bound: `${bound.size} of ${replicas}`,
    'all bound after s': round((performance.now() - start) / 1000, 2),
    'CPU ms/pod until then': round(((cpuSeconds(server.cluster.pid) - cpu) * 1000) / replicas, 2),
    'cluster process MiB': round(residentMiB(server.cluster.pid)),
  }
}

export async function deployment({ replicas }: Size): Promise<void> {
  printTable('A Deployment', [
    await allBound('simulated', replicas),
    await allBound('without kubelets', 1000),
    await allBound('without kubelets', 5000),
  ])
}
