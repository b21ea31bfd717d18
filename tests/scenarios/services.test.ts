import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { Service } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl

const manifests = `
apiVersion: v1
kind: Namespace
metadata: { name: far }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: far }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: wheelhouse/hello:v1
          ports: [{ name: http, containerPort: 8000 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: far }
spec: { type: NodePort, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: far }
spec: { clusterIP: None, selector: { app: web }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: sticky, namespace: far }
spec: { sessionAffinity: ClientIP, selector: { app: web }, ports: [{ port: 80, targetPort: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody, namespace: far }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: elsewhere, namespace: far }
spec: { type: ExternalName, externalName: web.far.svc.cluster.local }
---
apiVersion: v1
kind: Pod
metadata: { name: box }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: box, image: wheelhouse/shell, command: [sleep, "100000"] }]
`

beforeAll(async () => {
  cluster = await up()
  k = cluster.kubectl
  await k.run(['apply', '-f', '-'], manifests)
  await k('rollout', 'status', '-n', 'far', 'deployment/web', '--timeout=30s')
  await k('wait', '--for=condition=Ready', 'pod/box', '--timeout=30s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const service = (name: string) => k.json<Service>('get', 'service', '-n', 'far', name)
const fromPod = (...command: string[]) => k.run(['exec', 'box', '--', ...command])
const fetched = async (url: string) => (await fromPod('wget', '-q', '-O', '-', '-T', '5', url)).stdout
const podOf = (body: string) => (JSON.parse(body) as { pod: string }).pod
const addresses = async (name: string) =>
  [
    ...(await fromPod('nslookup', name)).stdout
      .split(/Name:/)
      .slice(1)
      .join()
      .matchAll(/Address(?: \d+)?:\s*([\d.]+)/g),
  ].map(([, ip]) => ip)

describe('from a pod', () => {
  it.each(['web.far', 'web.far.svc', 'web.far.svc.cluster.local'])('a service is reached as %s', async (name) => {
    expect(podOf(await fetched(`http://${name}/`))).toMatch(/^web-/)
  })

  it('a service is reached by its address, and spreads over its pods', async () => {
    const { spec } = await service('web')
    const pods = new Set<string>()
    await eventually('both pods', async () => pods.add(podOf(await fetched(`http://${spec!.clusterIP}/`))).size === 2)
  })

  it('names lead to the cluster IP, of headless services to each pod', async () => {
    expect(await addresses('web.far')).toEqual([(await service('web')).spec?.clusterIP])
    const ips = (await k('get', 'pods', '-n', 'far', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ')
    expect(new Set(await addresses('headless.far.svc.cluster.local'))).toEqual(new Set(ips))
    expect(podOf(await fetched('http://headless.far:8000/'))).toMatch(/^web-/)
    expect(podOf(await fetched('http://elsewhere.far/'))).toMatch(/^web-/)
    expect((await fromPod('nslookup', 'no-such-service.far')).code).not.toBe(0)
  })

  it('DNS answers at the address of its service', async () => {
    const { stdout } = await fromPod('nslookup', 'web.far.svc.cluster.local', '10.96.0.10')
    expect(stdout).toContain((await service('web')).spec!.clusterIP)
  })

  it('names of the own namespace need no ending', async () => {
    const [pod] = (await k('get', 'pods', '-n', 'far', '-o', 'name')).split('\n')
    expect(podOf(await k('exec', '-n', 'far', pod!, '--', 'wget', '-q', '-O', '-', 'http://web/'))).toMatch(/^web-/)
    expect(await k('exec', '-n', 'far', pod!, '--', 'cat', '/etc/resolv.conf')).toMatch(
      /search far\.svc\.cluster\.local svc\.cluster\.local cluster\.local/,
    )
  })

  it('another pod is reached by its address', async () => {
    const [ip] = (await k('get', 'pods', '-n', 'far', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ')
    expect(podOf(await fetched(`http://${ip}:8000/`))).toMatch(/^web-/)
  })

  it('a client keeps its pod where the service says so', async () => {
    const pods = new Set<string>()
    for (let i = 0; i < 6; i++) pods.add(podOf(await fetched('http://sticky.far/')))
    expect(pods.size).toBe(1)
  })

  it('a service without pods refuses at once', async () => {
    const { code, stderr } = await fromPod('wget', '-q', '-O', '-', '-T', '5', 'http://nobody.far/')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/refused/i)])
  })

  it('the API is reached with the token of the service account, and asks for rights', async () => {
    const script = `
      const { readFileSync: read } = require('node:fs'), base = '/var/run/secrets/kubernetes.io/serviceaccount/'
      require('node:https').get('https://kubernetes.default.svc/api/v1/namespaces/' + read(base + 'namespace') + '/pods', {
        ca: read(base + 'ca.crt'), headers: { authorization: 'Bearer ' + read(base + 'token') },
      }, (response) => response.on('data', (chunk) => process.stdout.write(chunk)))`
    const ask = async () =>
      JSON.parse((await fromPod('node', '-e', script)).stdout) as { kind: string; message?: string }
    expect((await ask()).message).toContain('User "system:serviceaccount:default:default" cannot list resource "pods"')
    await k('create', 'rolebinding', 'reads', '--clusterrole=view', '--serviceaccount=default:default')
    await eventually('a list of pods', async () => (await ask()).kind === 'PodList')
  })
})

describe('a further range of addresses', () => {
  const range = (cidr: string) =>
    JSON.stringify({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'further' },
      spec: { cidrs: [cidr] },
    })

  it('is served like the first, and goes when nothing has an address of it any more', async () => {
    expect((await k.run(['create', '-f', '-'], range('10.230.0.0/28'))).stderr).toBe('')
    await k(
      'expose',
      '-n',
      'far',
      'deployment/web',
      '--name=further',
      '--cluster-ip=10.230.0.9',
      '--port=80',
      '--target-port=http',
    )
    await eventually('an answer', async () => podOf((await fetched('http://10.230.0.9/')) || '{}')?.startsWith('web-'))
    expect(await addresses('further.far')).toEqual(['10.230.0.9'])
    expect((await fromPod('nslookup', '10.230.0.9')).stdout).toContain('further.far.svc.cluster.local')
    expect((await fromPod('wget', '-q', '-O', '-', 'http://10.230.0.10/')).stderr).toContain('refused')
    await k('delete', 'servicecidr', 'further', '--wait=false')
    await k('wait', '--for=condition=Ready=False', 'servicecidr/further', '--timeout=30s')
    const late = ['create', 'service', 'clusterip', 'late', '--tcp=80', '--clusterip=10.230.0.5']
    expect((await k.run(late)).stderr).toContain('the provided network does not match the current range')
    await k('delete', 'service', '-n', 'far', 'further')
    await k('wait', '--for=delete', 'servicecidr/further', '--timeout=40s')
  })
})

describe('a node port', () => {
  it('answers on this machine and to pods', async () => {
    const { nodePort } = (await service('web')).spec!.ports![0]!
    expect(podOf((await curl(`http://127.0.0.1:${nodePort}/`)).body)).toMatch(/^web-/)
    const gateway = (await fromPod('sh', '-c', "sed -n 's/nameserver //p' /etc/resolv.conf")).stdout.trim()
    expect(podOf(await fetched(`http://${gateway}:${nodePort}/`))).toMatch(/^web-/)
  })

  it('goes with its service', async () => {
    await k('create', 'service', 'nodeport', '-n', 'far', 'door', '--tcp=80:8000')
    await k('set', 'selector', '-n', 'far', 'service/door', 'app=web')
    const { nodePort } = (await service('door')).spec!.ports![0]!
    await eventually('an answer', () => curl(`http://127.0.0.1:${nodePort}/`))
    await k('delete', 'service', '-n', 'far', 'door')
    await eventually('no answer', () =>
      curl(`http://127.0.0.1:${nodePort}/`).then(
        () => false,
        () => true,
      ),
    )
  })
})

/** A pod that says its name at a port of the machine. */
const exposed = (name: string, port: object) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: wheelhouse/hello:v1
      ports: [${JSON.stringify({ containerPort: 8000, ...port })}]
      readinessProbe: { httpGet: { path: /readyz, port: 8000 }, periodSeconds: 1 }
`

describe('a host port', () => {
  const listening = async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return { server, port: (server.address() as AddressInfo).port }
  }
  const freePort = async () => {
    const { server, port } = await listening()
    await once(server.close(), 'close')
    return port
  }
  const gateway = async () => (await fromPod('sh', '-c', "sed -n 's/nameserver //p' /etc/resolv.conf")).stdout.trim()

  it('leads from localhost and from the address of the node to its pod, and goes with it', async () => {
    const hostPort = await freePort()
    await k.run(['apply', '-f', '-'], exposed('door', { hostPort }))
    await k('wait', '--for=condition=Ready', 'pod/door', '--timeout=30s')
    expect(podOf((await curl(`http://127.0.0.1:${hostPort}/`)).body)).toBe('door')
    expect(podOf(await fetched(`http://${await gateway()}:${hostPort}/`))).toBe('door')
    await k('delete', 'pod', 'door')
    await eventually('no answer', () =>
      curl(`http://127.0.0.1:${hostPort}/`).then(
        () => false,
        () => true,
      ),
    )
  })

  it('may be that of another pod at another address', async () => {
    const hostPort = await freePort()
    await k.run(['apply', '-f', '-'], exposed('inner', { hostPort, hostIP: '127.0.0.1' }))
    await k.run(['apply', '-f', '-'], exposed('outer', { hostPort, hostIP: await gateway() }))
    await k('wait', '--for=condition=Ready', 'pod/inner', 'pod/outer', '--timeout=30s')
    expect(podOf((await curl(`http://127.0.0.1:${hostPort}/`)).body)).toBe('inner')
    expect(podOf(await fetched(`http://${await gateway()}:${hostPort}/`))).toBe('outer')
  })

  it('that another program has is told of by an event', async () => {
    const { server, port } = await listening()
    await k.run(['apply', '-f', '-'], exposed('late', { hostPort: port }))
    await eventually('an event', async () =>
      (
        await k('get', 'events', '--field-selector=involvedObject.name=late', '-o', 'jsonpath={.items[*].reason}')
      ).includes('PortInUse'),
    )
    server.close()
  })
})
