import type { Node, Pod } from 'kubernetes-types/core/v1'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveImages, type TestImages } from '../../electron/cluster/runtime/cri/testing/images.ts'
import { connectEngine } from '../../electron/cluster/runtime/engine/connection.ts'
import { startEngine, type TestEngine } from '../../electron/cluster/runtime/engine/testing/engine.ts'
import { curl } from '../support/http.ts'
import { alive, descendants, saidBy } from '../support/processes.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

/** A cluster with one node of processes and one of a Docker engine of its own. */
describe('a node of a Docker engine', { timeout: 90_000 }, () => {
  const folder = temporaryFolder()
  let images: TestImages
  let engine: TestEngine
  let cluster: TestCluster

  const k = (...args: string[]) => cluster.kubectl(...args)
  const webPods = async () => (await cluster.kubectl.json<{ items: Pod[] }>('get', 'pods', '-l', 'app=web')).items
  const lives = async () =>
    (await webPods())
      .flatMap(({ status }) =>
        status!.containerStatuses!.map(({ containerID, restartCount }) => ({ containerID, restartCount })),
      )
      .toSorted((a, b) => a.containerID!.localeCompare(b.containerID!))
  const get = (from: string, url: string) => k('exec', from, '--', 'wget', '-q', '-O', '-', url)

  const manifest = () => `
apiVersion: v1
kind: ConfigMap
metadata: { name: page }
data: { greeting: "from a volume" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      nodeName: wheelhouse-engine
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${images.hello}
          ports: [{ containerPort: 8000 }]
          resources: { limits: { memory: 64Mi } }
          readinessProbe: { httpGet: { path: /, port: 8000 }, periodSeconds: 1 }
          livenessProbe: { exec: { command: [cat, /page/greeting] }, periodSeconds: 1 }
          volumeMounts: [{ name: page, mountPath: /page }, { name: shared, mountPath: /shared }]
        - name: side
          image: ${images.shell}
          command:
            - sh
            - -c
            - |
              echo begun; echo trouble >&2; echo from side > /shared/file; httpd -p 127.0.0.1:8001 -h /shared
              while [ ! -e /shared/say ]; do sleep 0.2; done
              echo said; sleep 100000
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
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed }
spec: { podSelector: { matchLabels: { closed: "true" } }, policyTypes: [Ingress] }
---
apiVersion: v1
kind: Pod
metadata: { name: closed, labels: { closed: "true" } }
spec:
  nodeName: wheelhouse-engine
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: ${images.hello} }]
`

  beforeAll(async () => {
    images = await serveImages()
    engine = await startEngine('docker', path.join(folder.path, 'e'))
    cluster = await up(
      ['--nodes', 'process=1,engine=1', '--engine-socket', `unix://${engine.socket}`],
      path.join(folder.path, 'data'),
    )
    for (const node of ['wheelhouse', 'wheelhouse-engine'])
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
      await engine?.[Symbol.asyncDispose]()
      await images?.[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    }
  }, 90_000)

  it('says what it runs containers with', async () => {
    const { status } = await cluster.kubectl.json<Node>('get', 'node', 'wheelhouse-engine')
    expect(status?.nodeInfo?.containerRuntimeVersion).toMatch(/^docker:\/\/\d/)
    expect(status?.conditions?.find(({ type }) => type === 'wheelhouse.dev/FullyIsolated')?.status).toBe('True')
  })

  it('runs a deployment with probes, volumes, logs, exec and port-forward', async () => {
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    await k('wait', '--for=condition=Ready', 'pod/client', 'pod/closed', '--timeout=60s')
    expect((await k('logs', 'deployment/web', '-c', 'side')).split('\n').sort()).toEqual(['', 'begun', 'trouble'])
    const { code, stdout } = await cluster.kubectl.run(
      ['exec', '-i', 'deployment/web', '-c', 'side', '--', 'sh', '-c', 'cat /shared/file; cat; exit 3'],
      'through stdin',
    )
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'from side\nthrough stdin' })
    for (const [port, path, answer] of [
      [8000, '/', '"app":"hello"'],
      [8001, '/file', 'from side\n'],
    ] as const) {
      using forward = cluster.kubectl.start('port-forward', 'deployment/web', `:${port}`)
      const said = saidBy(forward)
      const local = await eventually('a port', () => /127\.0\.0\.1:(\d+)/.exec(said())?.[1])
      expect((await curl(`http://127.0.0.1:${local}${path}`)).body).toContain(answer)
    }
  })

  it('is reached from pods of the other node by address, by Service and by name, reaches them, and heeds policies', async () => {
    const [one] = await webPods()
    expect(await get('client', `http://${one!.status!.podIP}:8000/`)).toContain(one!.metadata!.name)
    await eventually('the Service', async () => (await get('client', 'http://web/').catch(() => '')).includes('hello'))
    expect(
      await k('exec', one!.metadata!.name!, '-c', 'web', '--', 'wget', '-q', '-O', '-', 'http://web.default/'),
    ).toContain('hello')
    const other = (await cluster.kubectl.json<Pod>('get', 'pod', 'client')).status!.podIP!
    const ping = ['exec', one!.metadata!.name!, '-c', 'side', '--', 'ping', '-c', '1', other]
    expect(await k(...ping)).toContain('1 packets received')
    const closed = (await cluster.kubectl.json<Pod>('get', 'pod', 'closed')).status!.podIP!
    const reach = await cluster.kubectl.run(['exec', 'client', '--', 'nc', '-w', '2', closed, '8000', '-e', 'true'])
    expect(reach.code).not.toBe(0)
    expect(await k('exec', 'closed', '--', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8000/')).toContain('closed')
  })

  it('leaves containers alone when its agent and the engine are killed, and loses none of what they say meanwhile', async () => {
    const before = await lives()
    const processes = descendants(cluster.pid)
    const [agent] = processes
    await engine.restart(async () => {
      process.kill(agent!, 'SIGKILL')
      await eventually('its end', () => !alive(agent!))
    })
    await eventually(
      'exec',
      async () =>
        (await cluster.kubectl.run(['exec', 'deployment/web', '-c', 'side', '--', 'touch', '/shared/say'])).code === 0,
    )
    await k('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=60s')
    expect(await lives()).toEqual(before)
    await eventually('the log', async () => (await k('logs', 'deployment/web', '-c', 'side')).includes('said'))
    expect((await k('logs', 'deployment/web', '-c', 'side')).split('\n').sort()).toEqual([
      '',
      'begun',
      'said',
      'trouble',
    ])
  })

  it('makes a pod anew whose namespaces are gone', async () => {
    const before = await lives()
    const { engine: docker } = connectEngine(engine.socket)
    const [name] = (await webPods()).map(({ metadata }) => metadata!.name!)
    const filters = { label: ['wheelhouse.dev/kind=sandbox'] }
    const holder = (await docker.listContainers({ filters })).find(({ Labels }) =>
      Labels['wheelhouse.dev/pod']!.includes(`"${name}"`),
    )
    await docker.getContainer(holder!.Id).kill()
    await eventually('other containers', async () => {
      const now = await lives()
      return now.filter(({ containerID }) => !before.some((each) => each.containerID === containerID)).length === 2
    })
    await k('wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=60s')
  })

  it('removes what was deleted', async () => {
    await k('delete', 'deployment/web', 'pod/closed', '--timeout=60s')
    const { engine: docker } = connectEngine(engine.socket)
    await eventually('no container left', async () => !(await docker.listContainers({ all: true })).length, 60_000)
  })
})
