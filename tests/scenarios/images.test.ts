import type { Event, Node, Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { busyboxBase } from '../../electron/cluster/runtime/process/images/testing/busybox.ts'
import { buildImage } from '../../electron/cluster/runtime/process/images/testing/image.ts'
import { startRegistry, type TestRegistry } from '../../electron/cluster/runtime/process/images/testing/registry.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

const able = process.platform === 'linux' && process.getuid?.() === 0
const login = { username: 'robot', password: 'secret' }

/** Images as people bring them: a Deployment's with a Service, a private one, one that is not there. */
describe.skipIf(!able)('images from a registry', () => {
  const folder = temporaryFolder()
  let open: TestRegistry
  let closed: TestRegistry
  let cluster: TestCluster

  const start = async () => (cluster = await up([], folder.path))
  const k = (...args: string[]) => cluster.kubectl(...args)
  const pod = (name: string) => cluster.kubectl.json<Pod>('get', 'pod', name)

  const manifest = () => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${open.host}/box:1
          args: ["echo serving from $HOSTNAME; exec httpd -f -p 80 -h /www"]
          readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
          volumeMounts: [{ name: page, mountPath: /www }]
      volumes: [{ name: page, configMap: { name: page } }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: page }
data: { index.html: "a page" }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: private }
spec:
  terminationGracePeriodSeconds: 1
  imagePullSecrets: [{ name: login }]
  securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 2000 }
  containers:
    - name: main
      image: ${closed.host}/team/box:1
      args: ["id; sleep 1000"]
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
---
apiVersion: v1
kind: Pod
metadata: { name: refused }
spec: { containers: [{ name: main, image: "${closed.host}/team/box:1" }] }
---
apiVersion: v1
kind: Pod
metadata: { name: missing }
spec: { containers: [{ name: main, image: "${open.host}/nothing:1" }] }
---
apiVersion: v1
kind: Pod
metadata: { name: never }
spec: { containers: [{ name: main, image: "${open.host}/other:1", imagePullPolicy: Never }] }
`

  beforeAll(async () => {
    const config = { Entrypoint: ['sh', '-c'], Env: ['PATH=/bin'] }
    const image = await buildImage({ layers: [busyboxBase(), [{ name: 'mark', content: 'of the image' }]], config })
    open = await startRegistry()
    closed = await startRegistry({ auth: 'bearer', login })
    open.push('box', '1', image)
    closed.push('team/box', '1', image)
    await start()
    await k(
      'create',
      'secret',
      'docker-registry',
      'login',
      ...Object.entries({ server: closed.host, ...login }).map(([key, value]) => `--docker-${key}=${value}`),
    )
    const { code, stderr } = await cluster.kubectl.run(['apply', '-f', '-'], manifest())
    if (code) throw new Error(stderr)
  })

  afterAll(async () => {
    try {
      await cluster[Symbol.asyncDispose]()
    } finally {
      await open[Symbol.asyncDispose]()
      await closed[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    }
  })

  it('run, serve, and are what one sees with exec and logs', async () => {
    await k('rollout', 'status', 'deployment/web', '--timeout=40s')
    expect(await k('logs', 'deployment/web')).toMatch(/^serving from web-/)
    expect(await k('exec', 'deployment/web', '--', 'cat', '/mark')).toBe('of the image')
    expect(await k('exec', 'deployment/web', '--', 'wget', '-q', '-O', '-', 'http://web/')).toBe('a page')
  })

  it('are named by their digest, in the pod and on the node', async () => {
    const { items } = await cluster.kubectl.json<{ items: Pod[] }>('get', 'pods', '-l', 'app=web')
    const [status] = items[0]!.status!.containerStatuses!
    expect(status!.image).toBe(`${open.host}/box:1`)
    expect(status!.imageID).toMatch(new RegExp(`^${open.host}/box@sha256:[0-9a-f]{64}$`))
    await eventually('the image on the node', async () => {
      const nodes = await cluster.kubectl.json<{ items: Node[] }>('get', 'nodes')
      return nodes.items[0]!.status!.images!.some(
        ({ names = [] }) => names.includes(status!.imageID) && names.includes(status!.image),
      )
    })
  })

  it('are pulled with the secret of the pod, and not without', async () => {
    await k('wait', '--for=condition=Ready', 'pod/private', '--timeout=30s')
    expect(await k('logs', 'private')).toBe('uid=1000 gid=0 groups=0,2000\n')
    const waiting = async () => (await pod('refused')).status?.containerStatuses?.[0]?.state?.waiting
    await eventually('a refusal', async () => /failed to authorize/.test((await waiting())?.message ?? ''))
  })

  it('that are not there end in ErrImagePull and back-off, with events that say why', async () => {
    const reason = async (name: string) => (await pod(name)).status?.containerStatuses?.[0]?.state?.waiting?.reason
    await eventually('back-off', async () => (await reason('missing')) === 'ImagePullBackOff', 60_000)
    expect(await reason('never')).toBe('ErrImageNeverPull')
    const { items } = await cluster.kubectl.json<{ items: Event[] }>(
      'get',
      'events',
      '--field-selector',
      'involvedObject.name=missing',
    )
    const name = `${open.host}/nothing:1`
    const messages = items.map((event) => `${event.type} ${event.reason}: ${event.message}`)
    const why = `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${name}: not found`
    expect(messages).toEqual(
      expect.arrayContaining([
        `Normal Pulling: Pulling image "${name}"`,
        `Warning Failed: Failed to pull image "${name}": ${why}`,
        'Warning Failed: Error: ErrImagePull',
        `Normal BackOff: Back-off pulling image "${name}"`,
        'Warning Failed: Error: ImagePullBackOff',
      ]),
    )
  })

  it('are there again after the cluster has been stopped and started, without the registry', async () => {
    const before = await k('get', 'pods', '-l', 'app=web', '-o', 'name')
    // Fails when anything is left on the machine.
    await cluster[Symbol.asyncDispose]()
    open.onRequest = (_request, response) => {
      response.writeHead(503).end()
      return true
    }
    await start()
    await k('wait', '--for=condition=Available', 'deployment/web', '--timeout=40s')
    await eventually('the same pod, started again', async () => {
      const { items } = await cluster.kubectl.json<{ items: Pod[] }>('get', 'pods', '-l', 'app=web')
      const [status] = items[0]?.status?.containerStatuses ?? []
      return `pod/${items[0]?.metadata?.name}\n` === before && status?.restartCount === 1 && status.ready
    })
    expect(await k('logs', 'deployment/web', '--previous')).toMatch(/^serving from web-/)
  })
})
