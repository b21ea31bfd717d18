import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Pod, Service } from 'kubernetes-types/core/v1'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { tableName } from '../../electron/cluster/network/nftables/table.ts'
import { bridgeName, networkHash } from '../../electron/cluster/network/pod-network/names.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

/** Pods have a network of their own as root on Linux only. */
const isEnforced = process.platform === 'linux' && process.getuid?.() === 0

let cluster: TestCluster | undefined
let k: Kubectl

const server = `
for (const port of [80, 81]) require('net').createServer((socket) => socket.on('error', () => {}).end('!')).listen(port, '0.0.0.0')
const datagrams = require('dgram').createSocket('udp4').on('message', (_, from) => datagrams.send('!', from.port, from.address))
datagrams.on('error', () => {}).bind(82)`
const pod = (
  namespace: string,
  name: string,
  command: string[],
  labels: Record<string, string> = { pod: name },
  node = 1,
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: {
    terminationGracePeriodSeconds: 0,
    nodeSelector: { 'kubernetes.io/hostname': node === 1 ? 'wheelhouse' : 'wheelhouse-2' },
    containers: [
      {
        name: 'main',
        image: 'wheelhouse/shell',
        command,
        ports: [
          { name: 'web', containerPort: 80 },
          { name: 'other', containerPort: 81 },
        ],
      },
    ],
  },
})
const policy = (namespace: string, name: string, spec: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: { podSelector: {}, ...spec },
})
const namespace = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { team: name } },
})
const apply = (...items: object[]) =>
  k.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items })).then(({ code, stderr }) => {
    if (code) throw new Error(stderr)
  })

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=2'])
  k = cluster.kubectl
  if (!isEnforced) return
  const run = ['node', '-e', server]
  const web = { selector: { pod: 'a' }, type: 'NodePort', ports: [{ port: 8080, targetPort: 'web' }] }
  await apply(namespace('x'), namespace('y'), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'x' },
    spec: web,
  })
  await eventually('service accounts', () =>
    k('get', 'serviceaccount', '-n', 'y', 'default').then(
      () => true,
      () => false,
    ),
  )
  await apply(pod('x', 'a', run), pod('x', 'b', run, undefined, 2), pod('y', 'a', run, undefined, 2))
  for (const ns of ['x', 'y']) await k('wait', '-n', ns, '--for=condition=Ready', 'pod', '--all', '--timeout=50s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const ipOf = async (ns: string, name: string) => (await k.json<Pod>('get', 'pod', '-n', ns, name)).status!.podIP!

/** Places to ask, by name: `80`, `81` of x/a, `udp` of it, `web` its service. */
async function places(): Promise<[name: string, host: string, port: number][]> {
  const ip = await ipOf('x', 'a')
  const { clusterIP } = (await k.json<Service>('get', 'service', '-n', 'x', 'web')).spec!
  return [
    ['80', ip, 80],
    ['81', ip, 81],
    ['udp', ip, 82],
    ['web', clusterIP!, 8080],
  ]
}

const asking = `
const reached = []
Promise.all(JSON.parse(process.argv[1]).map(([name, host, port]) => new Promise((done) => {
  const yes = () => done(reached.push(name))
  setTimeout(done, 1000)
  if (name === 'udp') require('dgram').createSocket('udp4').on('message', yes).send('?', port, host)
  else require('net').connect(port, host).on('error', done).on('connect', yes)
}))).then(() => process.exit(console.log(reached.sort().join(' '))))`

/** The places that a pod reaches. */
const reached = async (from: string, targets: [string, string, number][]): Promise<string> => {
  const [ns, name] = from.split('/') as [string, string]
  return (await k('exec', '-n', ns, name, '--', 'node', '-e', asking, JSON.stringify(targets))).trim()
}

/** Connects from this machine; with a slow one the answer is no at first. */
const reachedFromHere = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 3000 })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket
      .on('data', () => end(true))
      .on('error', () => end(false))
      .on('close', () => end(false))
      .on('timeout', () => end(false))
  })

type Table = Record<'x/a' | 'x/b' | 'y/a', string>
const everything = '80 81 udp web'

/** What pods reach of x/a, of those that do not reach what they shall even after a while. */
async function wrong(expected: Partial<Table>): Promise<Partial<Table>> {
  const targets = await places()
  const sources = Object.keys(expected) as (keyof Table)[]
  let seen: Partial<Table> = expected
  const look = async () => {
    const found = await Promise.all(sources.map(async (from) => [from, await reached(from, targets)] as const))
    seen = Object.fromEntries(found.filter(([from, names]) => names !== expected[from]))
    return !Object.keys(seen).length
  }
  await eventually('the table', look).catch(() => {})
  return seen
}

const deny = policy('x', 'deny', { policyTypes: ['Ingress'] })
const from = (name: string, ...rules: object[]) =>
  policy('x', name, { podSelector: { matchLabels: { pod: 'a' } }, ingress: rules })

afterEach(async () => {
  if (isEnforced && cluster) for (const ns of ['x', 'y']) await k('delete', 'networkpolicy', '-n', ns, '--all')
})

describe.runIf(isEnforced)('into a pod', () => {
  it('comes everybody while there is no policy', async () => {
    expect(await wrong({ 'x/a': everything, 'x/b': everything, 'y/a': everything })).toEqual({})
  })

  it('comes nobody but itself and the node where a policy lets in nobody, and nobody is warned of that', async () => {
    expect((await k.run(['apply', '-f', '-'], JSON.stringify(deny))).stderr).toBe('')
    expect(await wrong({ 'x/a': everything, 'x/b': '', 'y/a': '' })).toEqual({})
    expect(await reachedFromHere(await ipOf('x', 'a'), 80)).toBe(true)
    const { nodePort } = (await k.json<Service>('get', 'service', '-n', 'x', 'web')).spec!.ports![0]!
    expect(await reachedFromHere('127.0.0.1', nodePort!)).toBe(false)
    await apply(from('local', { from: [{ ipBlock: { cidr: '127.0.0.0/8' } }] }))
    await eventually('the node port', () => reachedFromHere('127.0.0.1', nodePort!))
  })

  it('comes who any policy lets in: pods by labels and ports by number, range, name and protocol', async () => {
    await apply(
      deny,
      from('pods', {
        from: [{ podSelector: { matchLabels: { pod: 'b' } } }],
        ports: [{ port: 80 }, { port: 82, protocol: 'UDP' }],
      }),
      from('spaces', { from: [{ namespaceSelector: { matchLabels: { team: 'y' } } }], ports: [{ port: 'other' }] }),
    )
    expect(await wrong({ 'x/b': '80 udp web', 'y/a': '81' })).toEqual({})
    await apply(
      from('spaces', {
        from: [{ namespaceSelector: { matchLabels: { team: 'y' } } }],
        ports: [{ port: 79, endPort: 81 }],
      }),
    )
    expect(await wrong({ 'x/b': '80 udp web', 'y/a': '80 81 web' })).toEqual({})
  })

  it('comes who is in a block of addresses and not in its exceptions', async () => {
    const [b, other] = [await ipOf('x', 'b'), await ipOf('y', 'a')]
    await apply(from('block', { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: [`${b}/32`] } }] }))
    expect(await wrong({ 'x/b': '', 'y/a': everything })).toEqual({})
    await apply(from('block', { from: [{ ipBlock: { cidr: '0.0.0.0/0', except: [`${other}/32`] } }] }))
    expect(await wrong({ 'x/b': everything, 'y/a': '' })).toEqual({})
  })

  it('comes who has the labels now', async () => {
    await apply(from('friends', { from: [{ podSelector: { matchLabels: { friend: 'yes' } }, namespaceSelector: {} }] }))
    expect(await wrong({ 'x/b': '', 'y/a': '' })).toEqual({})
    await k('label', 'pod', '-n', 'y', 'a', 'friend=yes')
    expect(await wrong({ 'x/b': '', 'y/a': everything })).toEqual({})
    await k('label', 'pod', '-n', 'y', 'a', 'friend-')
    expect(await wrong({ 'x/b': '', 'y/a': '' })).toEqual({})
  })
})

describe.runIf(isEnforced)('out of a pod', () => {
  const names = (of: string) =>
    `require('dns').lookup('${of}', (error, address) => console.log(error?.code ?? address))`
  const lookUp = async (of: string) => (await k('exec', '-n', 'y', 'a', '--', 'node', '-e', names(of))).trim()

  it('goes what rules let out; names and the API server are no exception', async () => {
    const api = (await k.json<Service>('get', 'service', 'kubernetes')).spec!.clusterIP!
    const out = (...egress: object[]) => policy('y', 'out', { policyTypes: ['Egress'], egress })
    await apply(out())
    expect(await wrong({ 'x/b': everything, 'y/a': '' })).toEqual({})
    expect([await reached('y/a', [['api', api, 443]]), await reached('x/a', [['api', api, 443]])]).toEqual(['', 'api'])
    const dns = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    }
    await apply(
      out(
        { to: [dns], ports: [{ port: 53, protocol: 'UDP' }] },
        { to: [{ namespaceSelector: { matchLabels: { team: 'x' } } }], ports: [{ port: 'web' }] },
      ),
    )
    expect(await wrong({ 'y/a': '80 web' })).toEqual({})
    const { clusterIP } = (await k.json<Service>('get', 'service', '-n', 'x', 'web')).spec!
    expect(await lookUp('web.x.svc.cluster.local')).toBe(clusterIP)
  })

  it('goes nothing from the first packet on, where the policy is older than the pod', async () => {
    const target = await ipOf('x', 'b')
    const trying = `const go = () => require('net').connect(80, '${target}').on('connect', () => process.exit(1)).on('error', () => {})
      setInterval(go, 20); go(); setTimeout(() => process.exit(), 1500)`
    const names = [1, 2, 3].map((i) => `new-${i}-${process.hrtime.bigint()}`)
    const closed = (name: string) =>
      policy('y', `closed-${name}`, { podSelector: { matchLabels: { pod: name } }, policyTypes: ['Egress'] })
    // Run once: another run of a container would hide what the first has seen.
    const once = (name: string) => {
      const made = pod('y', name, ['node', '-e', trying])
      return { ...made, spec: { ...made.spec, restartPolicy: 'Never' } }
    }
    try {
      await apply(...names.flatMap((name) => [closed(name), once(name)]))
      const phase = async (name: string) => (await k.json<Pod>('get', 'pod', '-n', 'y', name)).status?.phase
      const ends = names.map((name) =>
        eventually('its end', async () => /^(Succeeded|Failed)$/.exec((await phase(name)) ?? '')?.[0], 40_000),
      )
      expect(await Promise.all(ends)).toEqual(names.map(() => 'Succeeded'))
    } finally {
      await k('delete', 'pod', '-n', 'y', ...names, '--now', '--wait=false')
    }
  })
})

it.runIf(isEnforced)('policies hold for as long as pods have a network', async () => {
  await apply(policy('x', 'closed', { policyTypes: ['Ingress', 'Egress'] }))
  const digest = createHash('sha256').update(cluster!.data).digest('hex').slice(0, 16)
  const table = tableName(digest, 'policies')
  const bridge = bridgeName(networkHash(`${digest}-wheelhouse`))
  const isHeld = () => execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }).includes(table)
  const hasNetwork = () => readFileSync('/proc/net/dev', 'utf8').includes(`${bridge}:`)
  expect([isHeld(), hasNetwork()]).toEqual([true, true])
  let stopped = false
  const stopping = Promise.resolve(cluster![Symbol.asyncDispose]()).finally(() => (stopped = true))
  cluster = undefined
  const open: boolean[] = []
  while (!stopped) {
    // In this order: what has no table any more must have no network either.
    open.push(!isHeld() && hasNetwork())
    await setTimeout(2)
  }
  await stopping
  expect(open).not.toContain(true)
})
