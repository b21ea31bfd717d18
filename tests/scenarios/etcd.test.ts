import type { Service } from 'kubernetes-types/core/v1'
import type { Lease } from 'kubernetes-types/coordination/v1'
import { cpSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import { webhookServer } from '../../electron/cluster/apiserver/testing/webhook-server.ts'
import { up, temporaryFolder, type TestCluster } from '../support/cluster.ts'
import { startEtcd, type TestEtcd } from '../support/etcd.ts'
import { saidBy, wheelhouse } from '../support/processes.ts'
import { eventually } from '../support/wait.ts'

let etcd: TestEtcd
let a: TestCluster
let b: TestCluster
const folder = temporaryFolder()
const data = (name: string) => path.join(folder.path, name)
const store = () => ['--store', `etcd=${etcd.url}`]

/** A second server of the cluster: it has the keys of the first. */
async function join(name: string, ...args: string[]): Promise<TestCluster> {
  cpSync(path.join(a.data, 'pki'), path.join(data(name), 'pki'), { recursive: true })
  return up([...store(), ...args], data(name))
}

beforeAll(async () => {
  etcd = await startEtcd()
  a = await up([...store(), '--nodes', 'simulated=3'], data('a'))
  b = await join('b', '--nodes', 'process=0')
})
afterAll(async () => {
  const stopped = await Promise.allSettled([a, b].map((server) => server?.[Symbol.asyncDispose]()))
  await etcd?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
  for (const outcome of stopped) if (outcome.status === 'rejected') throw outcome.reason
})

const holder = async (server: TestCluster, name: string) =>
  (await server.kubectl.json<Lease>('get', 'lease', '-n', 'kube-system', name)).spec?.holderIdentity
const keys = () => etcd.ctl('get', '--prefix', '/registry/', '--keys-only').toString().split('\n').filter(Boolean)

const valueOf = (key: string): Buffer => {
  const { kvs } = JSON.parse(etcd.ctl('get', key, '-w', 'json').toString()) as { kvs: { value: string }[] }
  return Buffer.from(kvs[0]!.value, 'base64')
}

describe('two servers on one etcd', () => {
  it('refuses a server with other keys, and says which to take', async () => {
    await expect(wheelhouse(['up', '--data', data('stranger'), ...store()])).rejects.toThrow(
      /belong to a cluster with other keys .* Copy the folder pki of that cluster/,
    )
  })

  it('shows on each what was written on the other, at once', async () => {
    for (let i = 0; i < 10; i++) {
      const [one, other] = i % 2 ? [a, b] : [b, a]
      await one.kubectl('create', 'namespace', `n${i}`)
      await other.kubectl('create', 'configmap', 'x', '-n', `n${i}`, `--from-literal=k=${i}`)
      await one.kubectl('label', 'configmap', 'x', '-n', `n${i}`, `i=${i}`)
      const read = await other.kubectl(
        'get',
        'configmap',
        'x',
        '-n',
        `n${i}`,
        '-o',
        'jsonpath={.data.k}{.metadata.labels.i}',
      )
      expect(read).toBe(`${i}${i}`)
    }
    await a.kubectl('delete', 'namespace', ...Array.from({ length: 10 }, (_, i) => `n${i}`))
    expect(await b.kubectl('get', 'namespaces', '-o', 'name')).not.toContain('namespace/n')
  })

  it('watches on one what happens on the other', async () => {
    const watching = b.kubectl.start('get', 'configmaps', '-w', '--output-watch-events', '--no-headers')
    const said = saidBy(watching)
    await eventually('the watch', () => said().includes('kube-root-ca.crt'))
    await a.kubectl('create', 'configmap', 'seen')
    await a.kubectl('label', 'configmap', 'seen', 'x=y')
    await a.kubectl('delete', 'configmap', 'seen')
    const types = () =>
      said()
        .split('\n')
        .filter((line) => / seen /.test(line))
        .map((line) => line.split(' ')[0])
    await eventually('three events', () => types().length === 3)
    expect(types()).toEqual(['ADDED', 'MODIFIED', 'DELETED'])
    watching.kill()
  })

  it('answers with a conflict to who writes what the other has changed', async () => {
    await a.kubectl('create', 'configmap', 'contested', '--from-literal=k=old')
    const read = await b.kubectl.json<KubeObject>('get', 'configmap', 'contested')
    await a.kubectl('annotate', 'configmap', 'contested', 'by=a')
    const { code, stderr } = await b.kubectl.run(['replace', '-f', '-'], JSON.stringify(read))
    expect([code, stderr]).toEqual([1, expect.stringContaining('the object has been modified')])
  })

  it('gives no port and no address to two services, however many both make at once', async () => {
    const make = (server: TestCluster, name: string, i: number) =>
      server.kubectl('create', 'service', 'nodeport', `${name}-${i}`, '--tcp=80:80')
    await Promise.all(Array.from({ length: 6 }, (_, i) => Promise.all([make(a, 'a', i), make(b, 'b', i)])))
    const { items } = await a.kubectl.json<KubeList<Service>>('get', 'services')
    const made = items.filter(({ spec }) => spec?.type === 'NodePort')
    expect(made).toHaveLength(12)
    for (const values of [made.map(({ spec }) => spec?.clusterIP), made.map(({ spec }) => spec?.ports?.[0]?.nodePort)])
      expect(new Set<unknown>(values).size).toBe(12)
    const port = String(made.find(({ metadata }) => metadata?.name === 'a-0')?.spec?.ports?.[0]?.nodePort)
    const taken = await b.kubectl.run(['create', 'service', 'nodeport', 'late', '--tcp=80:80', `--node-port=${port}`])
    expect(taken.stderr).toContain('provided port is already allocated')
    await b.kubectl('delete', 'services', ...made.map(({ metadata }) => metadata!.name!))
  })

  it('runs one set of loops, which rolls out what either is told', async () => {
    const leaders = await Promise.all(['kube-controller-manager', 'kube-scheduler'].map((name) => holder(b, name)))
    expect(leaders[0]).toMatch(/_[0-9a-f]{16}$/)
    expect(leaders[1]).toBe(leaders[0])
    await b.kubectl('create', 'deployment', 'web', '--image=wheelhouse/hello:v1', '--replicas=4')
    await a.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s')
    await a.kubectl('set', 'image', 'deployment/web', 'hello=wheelhouse/hello:v2')
    await b.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s')
    const events = await a.kubectl('get', 'events', '-o', 'name', '--field-selector', 'reason=ScalingReplicaSet')
    // A second deployment controller would have scaled, and said so, once more.
    expect((await b.kubectl('get', 'replicasets', '-o', 'name')).trim().split('\n')).toHaveLength(2)
    expect(events).not.toBe('')
  })

  it('accepts on one the tokens and certificates of the other', async () => {
    const token = (await a.kubectl('create', 'token', 'default')).trim()
    const asked = ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}']
    expect(
      await b.kubectl(
        '--token',
        token,
        '--kubeconfig',
        '/dev/null',
        '--server',
        b.server,
        '--insecure-skip-tls-verify',
        ...asked,
      ),
    ).toBe('system:serviceaccount:default:default')
    expect(await b.kubectl('--kubeconfig', a.kubeconfig, '--server', b.server, 'get', 'nodes', '-o', 'name')).toMatch(
      /^node\/simulated-/,
    )
  })
})

describe('what lies in etcd', () => {
  it('has the keys of a real cluster', async () => {
    await a.kubectl('create', 'ingress', 'i', '--rule=a.example/*=web:80')
    const prefixes = new Set(keys().map((key) => key.split('/').slice(0, 4).join('/')))
    expect([...prefixes]).toEqual(
      expect.arrayContaining([
        '/registry/apiregistration.k8s.io/apiservices',
        '/registry/configmaps/kube-system',
        '/registry/deployments/default',
        '/registry/ingress/default',
        '/registry/leases/kube-system',
        '/registry/namespaces/default',
        '/registry/pods/default',
        '/registry/ranges/servicenodeports',
        '/registry/services/endpoints',
        '/registry/services/specs',
      ]),
    )
    expect(keys().filter((key) => key.startsWith('/registry/minions/simulated-'))).toHaveLength(3)
    expect(keys().filter((key) => /\/(nodes|ingresses|services\/default)\//.test(key))).toEqual([])
  })

  it('has custom resources as JSON below their group, made on one server and served by both', async () => {
    const schema = { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer' } } } }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.io' },
      spec: {
        group: 'example.io',
        names: { kind: 'Thing', plural: 'things' },
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    }
    const thing = { apiVersion: 'example.io/v1', kind: 'Thing', metadata: { name: 'one' }, size: 3 }
    await a.kubectl.run(['create', '-f', '-'], JSON.stringify(definition))
    await a.kubectl('wait', '--for=condition=Established', 'crd/things.example.io')
    await eventually('the kind on the other server', async () => {
      const { code } = await b.kubectl.run(['create', '-f', '-'], JSON.stringify(thing))
      return code === 0
    })
    expect(await a.kubectl('get', 'thing', 'one', '-o', 'jsonpath={.size}')).toBe('3')
    expect(JSON.parse(valueOf('/registry/example.io/things/default/one').toString())).toMatchObject(thing)
    const kept = valueOf('/registry/apiextensions.k8s.io/customresourcedefinitions/things.example.io')
    expect(JSON.parse(kept.toString())).toMatchObject({ kind: 'CustomResourceDefinition' })
  })

  it('has what a webhook converts in the version that was stored when it was written, and every server knows which', async () => {
    const text = { type: 'string' }
    const version = (name: string, storage: boolean, properties: object) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties } },
    })
    const versions = (stored: string) => [
      version('v1', stored === 'v1', { hostPort: text }),
      version('v2', stored === 'v2', { host: text, port: text }),
    ]
    interface Cron extends KubeObject {
      hostPort?: string
      host?: string
      port?: string
    }
    const convert = ({ hostPort, host, port, ...rest }: Cron, apiVersion: string): Cron => {
      if (apiVersion.endsWith('/v1')) return { ...rest, apiVersion, hostPort: `${host}:${port}` }
      const [h = '', p = ''] = hostPort!.split(':')
      return { ...rest, apiVersion, host: h, port: p }
    }
    await using webhook = await webhookServer(({ body: { request } }) => {
      const { objects, desiredAPIVersion } = request as unknown as { objects: Cron[]; desiredAPIVersion: string }
      return {
        result: { status: 'Success' },
        convertedObjects: objects.map((object) => convert(object, desiredAPIVersion)),
      }
    })
    const clientConfig = { url: webhook.url, caBundle: webhook.caBundle }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'crons.example.io' },
      spec: {
        group: 'example.io',
        names: { kind: 'Cron', plural: 'crons' },
        scope: 'Namespaced',
        versions: versions('v1'),
        conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
      },
    }
    await a.kubectl.run(['create', '-f', '-'], JSON.stringify(definition))
    const create = (server: TestCluster, name: string, object: Partial<Cron>) =>
      eventually(`${name} to be created`, async () => {
        const { code } = await server.kubectl.run(
          ['create', '-f', '-'],
          JSON.stringify({ kind: 'Cron', metadata: { name }, ...object }),
        )
        return code === 0
      })
    const v1 = { apiVersion: 'example.io/v1', hostPort: 'a:1' }
    const v2 = { apiVersion: 'example.io/v2', host: 'b', port: '2' }
    await create(a, 'one', v1)
    await create(b, 'two', v2)
    await a.kubectl(
      'patch',
      'crd',
      'crons.example.io',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { versions: versions('v2') } }),
    )
    await eventually('the other storage version on the other server', async () => {
      await b.kubectl.run(['delete', 'crons.v1.example.io', 'three'])
      await create(b, 'three', v1)
      const { apiVersion } = JSON.parse(valueOf('/registry/example.io/crons/default/three').toString()) as Cron
      return apiVersion === 'example.io/v2'
    })
    const kept = ['one', 'two', 'three'].map(
      (name) => JSON.parse(valueOf(`/registry/example.io/crons/default/${name}`).toString()) as Cron,
    )
    expect(kept.map(({ apiVersion, hostPort, host }) => [apiVersion, hostPort ?? host])).toEqual([
      ['example.io/v1', 'a:1'],
      ['example.io/v1', 'b:2'],
      ['example.io/v2', 'a'],
    ])
    await using c = await join('c', '--nodes', 'process=0')
    for (const server of [a, b, c]) {
      const shown = (resource: string, path: string) =>
        server.kubectl('get', resource, '-o', `jsonpath={range .items[*]}{.metadata.name}={${path}} {end}`)
      expect(await shown('crons.v1.example.io', '.hostPort')).toBe('one=a:1 three=a:1 two=b:2 ')
      expect(await shown('crons.v2.example.io', '.host')).toBe('one=a three=a two=b ')
    }
    expect(await b.kubectl('get', 'crd', 'crons.example.io', '-o', 'jsonpath={.status.storedVersions}')).toBe(
      '["v1","v2"]',
    )
    await c.kubectl('patch', 'crons.v2.example.io', 'one', '--type=merge', '-p', '{"port":"9"}')
    expect(await b.kubectl('get', 'crons.v1.example.io', 'one', '-o', 'jsonpath={.hostPort}')).toBe('a:9')
  })

  it('is protobuf that names its kind, and JSON where upstream has JSON', () => {
    for (const [key, kind] of [
      ['/registry/deployments/default/web', 'apps/v1 Deployment'],
      ['/registry/services/specs/default/kubernetes', 'v1 Service'],
      [keys().find((key) => key.startsWith('/registry/minions/'))!, 'v1 Node'],
    ] as const) {
      const bytes = valueOf(key)
      expect(bytes.subarray(0, 4).toString('latin1')).toBe('k8s\0')
      const [apiVersion, name] = kind.split(' ') as [string, string]
      // Unknown{ typeMeta: { apiVersion, kind }, … }
      const meta = Buffer.concat([
        Buffer.from([10, apiVersion.length]),
        Buffer.from(apiVersion),
        Buffer.from([18, name.length]),
        Buffer.from(name),
      ])
      expect(bytes.subarray(4, 6 + meta.length)).toEqual(Buffer.concat([Buffer.from([10, meta.length]), meta]))
      expect(bytes.includes(Buffer.from('resourceVersion'))).toBe(false)
    }
    const service = JSON.parse(valueOf('/registry/apiregistration.k8s.io/apiservices/v1.apps').toString()) as KubeObject
    expect(service).toMatchObject({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' })
  })
})

describe('when something dies', () => {
  it('refuses writes while etcd is away, says so in /readyz, and goes on when it is back', async () => {
    await etcd.kill()
    const ready = await eventually('a server that is not ready', async () => {
      const { stdout, stderr, code } = await a.kubectl.run(['get', '--raw', '/readyz?verbose'])
      return code && `${stdout}${stderr}`
    })
    expect(ready).toContain('etcd failed')
    const { code, stderr } = await b.kubectl.run(['create', 'configmap', 'away', '--request-timeout=3s'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/does not answer|Timeout|unable to handle/)])
    await etcd.start()
    await eventually(
      'a server that is ready',
      async () => (await a.kubectl.run(['get', '--raw', '/readyz'])).code === 0,
    )
    await eventually('writes', async () => (await b.kubectl.run(['create', 'configmap', 'back'])).code === 0)
    expect(await a.kubectl('get', 'configmap', 'back', '-o', 'name')).toBe('configmap/back\n')
  })

  it('leads on with the other server when the leading one is held up, and does nothing twice when it goes on', async () => {
    const before = await eventually('a leader', () => holder(b, 'kube-controller-manager'))
    // The nodes of a die with it, so others are needed.
    const c = await join('c', '--nodes', 'simulated=2')
    await using _ = c
    a.process.child.kill('SIGSTOP')
    await c.kubectl('create', 'deployment', 'after', '--image=wheelhouse/hello:v1', '--replicas=2')
    await eventually(
      'another leader',
      async () => {
        const now = await holder(b, 'kube-controller-manager')
        return now && now !== before
      },
      40_000,
    )
    await b.kubectl('rollout', 'status', 'deployment/after', '--timeout=40s')
    // It had not noticed that it leads no more, and learns of all this at once.
    await b.kubectl('scale', 'deployment', 'after', '--replicas=6')
    a.process.child.kill('SIGCONT')
    await b.kubectl('rollout', 'status', 'deployment/after', '--timeout=40s')
    const made = await b.kubectl('get', 'pods', '-l', 'app=after', '-o', 'name')
    expect(made.trim().split('\n')).toHaveLength(6)
    expect(await holder(b, 'kube-controller-manager')).not.toBe(before)
    // Killed and started again it comes back as it was, and follows.
    a.process.child.kill('SIGKILL')
    await a.process.exited
    a = await up([...store(), '--nodes', 'simulated=3'], data('a'))
    expect(await a.kubectl('get', 'deployment', 'after', '-o', 'jsonpath={.status.readyReplicas}')).toBe('6')
    expect(await holder(a, 'kube-controller-manager')).not.toBe(before)
  }, 120_000)
})
