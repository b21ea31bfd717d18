import type { Node, Pod, Service } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

/** Pods have a network of their own as root on Linux only. */
const haveNetworks = process.platform === 'linux' && process.getuid?.() === 0

let cluster: TestCluster
let k: Kubectl

const [one, two] = ['wheelhouse', 'wheelhouse-2'] as const
const pod = (name: string, node: string, more: object = {}, container: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name.replace(/-\d$/, '') } },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'wheelhouse/hello:v1', ...container }],
    ...more,
  },
})
const box = (name: string, node: string) =>
  pod(name, node, {}, { image: 'wheelhouse/shell', command: ['sleep', '100000'] })
const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec })
const hostPort = 18_080

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=2,simulated=2'])
  k = cluster.kubectl
  if (!haveNetworks) return
  const ready = { readinessProbe: { httpGet: { path: '/readyz', port: 8000 }, periodSeconds: 1 } }
  const open = { ...ready, ports: [{ containerPort: 8000, hostPort }] }
  const ports = [{ port: 80, targetPort: 8000 }]
  const items = [
    box('box-1', one),
    box('box-2', two),
    pod('door-1', one, {}, open),
    pod('door-2', two, {}, open),
    pod('only', two, {}, ready),
    // Its probe goes to the address of the node.
    pod('host', two, { hostNetwork: true }, { ...ready, env: [{ name: 'PORT', value: '8000' }] }),
    service('all', { type: 'NodePort', selector: { app: 'door' }, ports }),
    service('local', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: { app: 'only' }, ports }),
    service('host', { selector: { app: 'host' }, ports }),
    pod('pretended', 'simulated-1'),
  ]
  const { code, stderr } = await k.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  if (code) throw new Error(stderr)
  await k('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const status = async (name: string) => (await k.json<Pod>('get', 'pod', name)).status!
const portOf = async (name: string) => (await k.json<Service>('get', 'service', name)).spec!
const addressOf = async (name: string) =>
  (await k.json<Node>('get', 'node', name)).status!.addresses!.find(({ type }) => type === 'InternalIP')!.address
const podOf = (body: string) => (JSON.parse(body) as { pod: string }).pod
/** Who answers a pod; the message of what does not. */
const fetched = async (from: string, url: string): Promise<string> => {
  const { code, stdout, stderr } = await k.run(['exec', from, '--', 'wget', '-q', '-O', '-', '-T', '5', url])
  return code ? stderr : podOf(stdout)
}

describe.runIf(haveNetworks)('the address of a node', () => {
  it('is its own, and that of its pods’ host', async () => {
    const names = [one, two, 'simulated-1', 'simulated-2']
    const addresses = await Promise.all(names.map(addressOf))
    expect(new Set(addresses).size).toBe(4)
    const hosts = await Promise.all(['box-1', 'box-2', 'pretended'].map(status))
    expect(hosts.map(({ hostIP, hostIPs }) => [hostIP, hostIPs])).toEqual(
      addresses.slice(0, 3).map((ip) => [ip, [{ ip }]]),
    )
    expect(await status('host')).toMatchObject({ hostIP: addresses[1], podIP: addresses[1] })
  })

  it('leads to the ports of Services', async () => {
    const { nodePort } = (await portOf('all')).ports![0]!
    for (const from of ['box-1', 'box-2'])
      for (const node of [one, two])
        expect(await fetched(from, `http://${await addressOf(node)}:${nodePort}/`)).toMatch(/^door-/)
  })

  it('leads where the policy is Local to its own pods, and its own pods everywhere', async () => {
    const { ports, healthCheckNodePort } = await portOf('local')
    const { nodePort } = ports![0]!
    const door = async (node: string) => `http://${await addressOf(node)}:${nodePort}/`
    expect(await fetched('box-1', await door(two))).toBe('only')
    expect(await fetched('box-2', await door(one))).toMatch(/refused/i)
    expect(await fetched('box-1', await door(one))).toBe('only')
    const health = async (node: string) => (await curl(`http://${await addressOf(node)}:${healthCheckNodePort}/`)).code
    expect([await health(one), await health(two)]).toEqual([503, 200])
  })

  it('leads to host ports of its own pods, though those of another node have the same number', async () => {
    for (const from of ['box-1', 'box-2']) {
      expect(await fetched(from, `http://${await addressOf(one)}:${hostPort}/`)).toBe('door-1')
      expect(await fetched(from, `http://${await addressOf(two)}:${hostPort}/`)).toBe('door-2')
    }
    expect(podOf((await curl(`http://${await addressOf(two)}:${hostPort}/`)).body)).toBe('door-2')
  })

  it('is what pods on the network of the machine are reached by', async () => {
    expect(await fetched('box-1', `http://${await addressOf(two)}:8000/`)).toBe('host')
    expect(await fetched('box-1', 'http://host/')).toBe('host')
    expect(podOf(await k('get', '--raw', '/api/v1/namespaces/default/pods/host:8000/proxy/'))).toBe('host')
  })

  it('is where the API server finds its kubelet', async () => {
    expect(await k('exec', 'box-2', '--', 'echo', 'here')).toBe('here\n')
    const pods = JSON.parse(await k('get', '--raw', `/api/v1/nodes/${two}/proxy/pods`)) as { items: Pod[] }
    expect(pods.items.map(({ spec }) => spec!.nodeName)).toEqual(pods.items.map(() => two))
    expect((await k.run(['logs', 'pretended'])).stderr).toContain('simulated node')
    await eventually('its metrics', async () => (await k('top', 'node', two)).includes(two))
  })
})
