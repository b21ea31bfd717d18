import type { Node, Pod } from 'kubernetes-types/core/v1'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startContainerd, type TestContainerd } from '../../electron/cluster/runtime/cri/testing/containerd.ts'
import { serveImages, type TestImages } from '../../electron/cluster/runtime/cri/testing/images.ts'
import { curl } from '../support/http.ts'
import { alive, descendants, saidBy } from '../support/processes.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

/** A cluster with one node of processes and one of a containerd of its own. */
describe('a node of containerd', { timeout: 90_000 }, () => {
  const folder = temporaryFolder()
  let images: TestImages
  let containerd: TestContainerd
  let cluster: TestCluster

  const k = (...args: string[]) => cluster.kubectl(...args)
  const pod = (name: string) => cluster.kubectl.json<Pod>('get', 'pod', name)
  const status = async (name: string) => (await pod(name)).status!

  const manifest = () => `
apiVersion: v1
kind: ConfigMap
metadata: { name: page }
data: { greeting: "from a volume" }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  nodeName: wheelhouse-cri
  terminationGracePeriodSeconds: 1
  containers:
    - name: web
      image: ${images.hello}
      readinessProbe: { httpGet: { path: /, port: 8000 }, periodSeconds: 1 }
      livenessProbe: { exec: { command: [cat, /page/greeting] }, periodSeconds: 1 }
      startupProbe: { tcpSocket: { port: 8000 }, periodSeconds: 1 }
      volumeMounts: [{ name: page, mountPath: /page }, { name: shared, mountPath: /shared }]
    - name: side
      image: ${images.shell}
      command:
        - sh
        - -c
        - |
          echo begun; echo trouble >&2; echo from side > /shared/file; httpd -p 127.0.0.1:8001 -h /shared
          while [ ! -e /shared/stop ]; do sleep 0.2; done
          rm /shared/stop; exit 7
      volumeMounts: [{ name: shared, mountPath: /shared }]
  volumes: [{ name: page, configMap: { name: page } }, { name: shared, emptyDir: {} }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8000 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  nodeName: wheelhouse
  terminationGracePeriodSeconds: 1
  containers: [{ name: client, image: ${images.shell}, command: [sleep, "100000"] }]
---
apiVersion: v1
kind: Pod
metadata: { name: once }
spec:
  nodeName: wheelhouse-cri
  restartPolicy: Never
  securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000 }
  containers:
    - name: main
      image: ${images.shell}
      command: [sh, -c, "id; echo bye > /dev/termination-log; exit 4"]
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
---
apiVersion: v1
kind: Pod
metadata: { name: missing }
spec: { nodeName: wheelhouse-cri, containers: [{ name: main, image: "${images.registry.host}/nothing:1" }] }
`

  beforeAll(async () => {
    images = await serveImages()
    containerd = await startContainerd(path.join(folder.path, 'c'), images.pause)
    cluster = await up(
      ['--nodes', 'process=1,cri=1', '--cri-socket', containerd.socket],
      path.join(folder.path, 'data'),
    )
    for (const node of ['wheelhouse', 'wheelhouse-cri'])
      await eventually(
        `node ${node}`,
        () => k('wait', '--for=condition=Ready', `node/${node}`, '--timeout=60s'),
        60_000,
      )
    const { code, stderr } = await cluster.kubectl.run(['apply', '-f', '-'], manifest())
    if (code) throw new Error(stderr)
  }, 90_000)

  afterAll(async () => {
    try {
      await cluster?.[Symbol.asyncDispose]()
    } finally {
      await containerd?.[Symbol.asyncDispose]()
      await images?.[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    }
  }, 90_000)

  it('says what it runs containers with', async () => {
    const { status } = await cluster.kubectl.json<Node>('get', 'node', 'wheelhouse-cri')
    expect(status?.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\/\d/)
    expect(status?.conditions?.find(({ type }) => type === 'wheelhouse.dev/FullyIsolated')?.status).toBe('True')
  })

  it('runs a pod with probes, volumes, logs and exec', async () => {
    await k('wait', '--for=condition=Ready', 'pod/web', 'pod/client', '--timeout=60s')
    const { containerStatuses } = await status('web')
    expect(containerStatuses!.map(({ image, restartCount }) => ({ image, restartCount }))).toEqual([
      { image: images.shell, restartCount: 0 },
      { image: images.hello, restartCount: 0 },
    ])
    expect(containerStatuses![0]!.containerID).toMatch(/^containerd:\/\/[0-9a-f]{64}$/)
    expect(containerStatuses![0]!.imageID).toMatch(/@sha256:[0-9a-f]{64}$/)
    expect((await k('logs', 'web', '-c', 'side')).split('\n').sort()).toEqual(['', 'begun', 'trouble'])
    expect(await k('exec', 'web', '-c', 'web', '--', 'cat', '/page/greeting', '/shared/file')).toBe(
      'from a volumefrom side\n',
    )
    const { code, stdout } = await cluster.kubectl.run(
      ['exec', '-i', 'web', '-c', 'side', '--', 'sh', '-c', 'cat; exit 3'],
      'through stdin',
    )
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'through stdin' })
  })

  it('is reached from pods of the other node by address, by Service and by name, and reaches them', async () => {
    const { podIP } = await status('web')
    const answer = '{"app":"hello","pod":"web","version":"v2"}'
    const get = (from: string, url: string) => k('exec', from, '--', 'wget', '-q', '-O', '-', url)
    expect(await get('client', `http://${podIP}:8000/`)).toBe(answer)
    await eventually('the Service', async () => (await get('client', 'http://web/').catch(() => '')) === answer)
    expect(await get('web', 'http://web.default/')).toBe(answer)
    const other = (await status('client')).podIP!
    expect(await k('exec', 'web', '-c', 'side', '--', 'ping', '-c', '1', other)).toContain('1 packets received')
  })

  it('forwards ports, those that listen on the loopback of the pod only included', async () => {
    for (const [port, path, answer] of [
      [8000, '/', '{"app":"hello","pod":"web","version":"v2"}'],
      [8001, '/file', 'from side\n'],
    ] as const) {
      using forward = cluster.kubectl.start('port-forward', 'pod/web', `:${port}`)
      const said = saidBy(forward)
      const local = await eventually('a port', () => /127\.0\.0\.1:(\d+)/.exec(said())?.[1])
      expect((await curl(`http://127.0.0.1:${local}${path}`)).body).toBe(answer)
    }
  })

  it('keeps how a container ended, and who it was', async () => {
    await k('wait', '--for=jsonpath={.status.phase}=Failed', 'pod/once', '--timeout=60s')
    const [ended] = (await status('once')).containerStatuses!
    expect(ended!.state?.terminated).toMatchObject({ exitCode: 4, reason: 'Error', message: 'bye\n' })
    expect(await k('logs', 'once')).toContain('uid=1000 gid=2000 groups=2000,3000')
  })

  it('tells of an image that cannot be had in the words of the runtime', async () => {
    await eventually(
      'an error',
      async () => (await status('missing')).containerStatuses?.[0]?.state?.waiting !== undefined,
    )
    await eventually('the event', async () =>
      (await k('get', 'events', '--field-selector=involvedObject.name=missing')).includes(
        `Failed to pull image "${images.registry.host}/nothing:1": rpc error: code = NotFound desc = failed to pull and unpack image`,
      ),
    )
    await k('delete', 'pod', 'missing')
  })

  it('leaves containers alone when its agent is killed, and when containerd is', async () => {
    const before = (await status('web')).containerStatuses
    const processes = descendants(cluster.pid)
    const [agent] = processes
    let next: number | undefined
    await containerd.restart(async () => {
      process.kill(agent!, 'SIGKILL')
      await eventually('its end', () => !alive(agent!))
      await eventually(
        'exec on the other node',
        async () => (await k('exec', 'client', '--', 'echo', 'here').catch(() => '')) === 'here\n',
      )
      next = descendants(cluster.pid).find((id) => !processes.includes(id))
    })
    await eventually(
      'exec',
      async () => (await k('exec', 'web', '-c', 'web', '--', 'echo', 'here').catch(() => '')) === 'here\n',
    )
    await k('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s')
    // It waited for containerd.
    expect(descendants(cluster.pid)).toContain(next)
    const lives = (statuses: typeof before) =>
      statuses!.map(({ containerID, restartCount }) => ({ containerID, restartCount }))
    expect(lives((await status('web')).containerStatuses)).toEqual(lives(before))
  })

  it('sees a container that ends, and starts it again', async () => {
    await k('exec', 'web', '-c', 'side', '--', 'touch', '/shared/stop')
    const side = async () => (await status('web')).containerStatuses!.find(({ name }) => name === 'side')!
    await eventually('a restart', async () => (await side()).restartCount === 1 && (await side()).state?.running)
    expect((await side()).lastState?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' })
    expect(await k('logs', 'web', '-c', 'side', '--previous')).toContain('begun')
  })

  it('removes what was deleted', async () => {
    await k('delete', 'pod', 'web', 'once', '--timeout=60s')
    expect(await cluster.kubectl.run(['get', 'pod', 'web'])).toMatchObject({ code: 1 })
    await eventually('no sandbox left', () => containerd.shims().length === 0)
  })
})

/** Where the machine does not isolate processes, its container runtime does all the same. */
it(
  'pods of containerd have services, names and policies beside pods that share the network of the machine',
  { timeout: 120_000 },
  async () => {
    using folder = temporaryFolder()
    await using images = await serveImages()
    await using containerd = await startContainerd(path.join(folder.path, 'c'), images.pause)
    await using cluster = await up(
      ['--nodes', 'process=1,cri=1', '--cri-socket', containerd.socket],
      path.join(folder.path, 'data'),
      { env: { WHEELHOUSE_POD_NETWORK: 'mapped' } },
    )
    const k = cluster.kubectl
    const ready = () => k('wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s')
    await eventually(
      'both nodes',
      async () => (await k('get', 'nodes', '-o', 'name')).includes('wheelhouse-cri') && ready(),
    )
    const pod = (name: string, nodeName: string, image: string, command?: string[]) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: name } },
      spec: {
        nodeName,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image, ...(command ? { command } : {}) }],
      },
    })
    const service = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8000 }] },
    })
    const items = [
      pod('inner', 'wheelhouse', 'wheelhouse/hello:v1'),
      pod('web', 'wheelhouse-cri', images.hello),
      pod('client', 'wheelhouse-cri', images.shell, ['sleep', '100000']),
      service('inner'),
      service('web'),
    ]
    const apply = (what: object) => k.run(['apply', '-f', '-'], JSON.stringify(what))
    expect((await apply({ apiVersion: 'v1', kind: 'List', items })).stderr).toBe('')
    await k('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
    // busybox's own limit of time does not work everywhere.
    const limited = (url: string) => `wget -q -O - ${url} & it=$!; (sleep 3; kill $it) & wait $it`
    const reaches = async (host: string) =>
      (await k.run(['exec', 'client', '--', 'sh', '-c', limited(`http://${host}/`)])).code === 0
    for (const name of ['web', 'inner']) await eventually(name, () => reaches(name))
    const { podIP } = (await k.json<Pod>('get', 'pod', 'web')).status!
    expect(await reaches(`${podIP}:8000`)).toBe(true)
    const spec = { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] }
    await apply({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed' }, spec })
    await eventually('the policy', async () => !(await reaches(`${podIP}:8000`)) && !(await reaches('web')))
    // Their network goes with the cluster, and without it they cannot be removed.
    await k('delete', 'pod', '--all', '--now')
  },
)
