import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Deployment } from 'kubernetes-types/apps/v1'
import type { ConfigMap, Node, Pod, Secret } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { kubectl, kubectls, type Kubectl, type Outcome } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
const folder = temporaryFolder()

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=3'])
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const configMap = (data: Record<string, string>, more: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', ...more }, data })

/** On the simulated nodes: what matters here is in the API. */
const deployment = (replicas: number, image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      nodeSelector: { kubernetes.io/hostname: simulated-1 }
      tolerations: [{ key: wheelhouse.dev/simulated, operator: Exists }]
      containers: [{ name: shop, image: "${image}", ports: [{ containerPort: 8000 }] }]
`

const versions = Object.entries(kubectls())
// The two that differ most: OpenAPI v2 and JSON bodies, OpenAPI v3 and protobuf.
describe.each([versions[0]!, ...versions.slice(1).slice(-1)])(
  'with kubectl %s',
  (version, binary) => {
    let k: Kubectl
    let namespace: string
    const fails = async (pattern: RegExp | string, ...args: string[]): Promise<Outcome> => {
      const outcome = await k.run(args)
      expect(outcome.code, outcome.stdout).not.toBe(0)
      expect(outcome.stderr).toMatch(pattern)
      return outcome
    }
    const apply = async (text: string, ...args: string[]) => {
      const { code, stdout, stderr } = await k.run(['apply', '-f', '-', ...args], text)
      if (code !== 0) throw new Error(stderr)
      return stdout
    }
    const settings = async () => (await k.json<ConfigMap>('get', 'configmap', 'settings')).data

    beforeAll(async () => {
      namespace = `with-${version.replace('.', '-')}`
      k = kubectl(cluster.kubeconfig, binary)
      await k('create', 'namespace', namespace)
      await k('config', 'set-context', 'wheelhouse', `--namespace=${namespace}`)
    })

    it('apply makes, changes and leaves alone, and takes away what is no longer there', async () => {
      expect(await apply(configMap({ a: '1', b: '2' }))).toBe('configmap/settings created\n')
      expect(await apply(configMap({ a: '1', b: '2' }))).toBe('configmap/settings unchanged\n')
      await k('patch', 'configmap', 'settings', '-p', '{"data":{"other":"hand"}}')
      expect(await apply(configMap({ a: '9' }))).toBe('configmap/settings configured\n')
      expect(await settings()).toEqual({ a: '9', other: 'hand' })
    })

    it('apply --dry-run and diff show what would come, and change nothing', async () => {
      expect(await apply(configMap({ a: 'dry' }), '--dry-run=server')).toBe(
        'configmap/settings configured (server dry run)\n',
      )
      const { code, stdout } = await k.run(['diff', '-f', '-'], configMap({ a: 'dry' }))
      expect([code, stdout]).toEqual([1, expect.stringMatching(/- {2}a: "9"\n\+ {2}a: dry/)])
      expect((await settings())?.['a']).toBe('9')
      expect(await k.run(['diff', '-f', '-'], configMap({ a: '9' }))).toMatchObject({ code: 0 })
    })

    it('apply --server-side owns fields, and names who else does', async () => {
      await apply(configMap({ a: 'server' }), '--server-side', '--field-manager=one', '--force-conflicts')
      const { code, stderr } = await k.run(
        ['apply', '--server-side', '--field-manager=two', '-f', '-'],
        configMap({ a: 'mine' }),
      )
      expect([code, stderr]).toEqual([1, expect.stringMatching(/conflict with "one"[^]*\.data\.a/)])
      await apply(configMap({ a: 'mine' }), '--server-side', '--field-manager=two', '--force-conflicts')
      expect((await settings())?.['a']).toBe('mine')
      const { metadata } = await k.json<ConfigMap>('get', 'configmap', 'settings', '--show-managed-fields')
      expect(metadata?.managedFields?.map(({ manager }) => manager)).toContain('two')
    })

    it('edit saves what the editor leaves', async () => {
      const editor = path.join(folder.path, 'editor.sh')
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/other: hand/other: edited/" "$1"\n')
      chmodSync(editor, 0o755)
      process.env['KUBE_EDITOR'] = editor
      try {
        expect(await kubectl(cluster.kubeconfig, binary)('edit', 'configmap', 'settings')).toBe(
          'configmap/settings edited\n',
        )
      } finally {
        delete process.env['KUBE_EDITOR']
      }
      expect((await settings())?.['other']).toBe('edited')
    })

    it('label and annotate set, overwrite on demand and remove', async () => {
      const metadata = async () => (await k.json<ConfigMap>('get', 'configmap', 'settings')).metadata
      await k('label', 'configmap', 'settings', 'tier=one')
      await fails(/already has a value/, 'label', 'configmap', 'settings', 'tier=two')
      await k('label', '--overwrite', 'configmap', 'settings', 'tier=two')
      expect((await metadata())?.labels).toEqual({ tier: 'two' })
      await k('label', 'configmap', 'settings', 'tier-')
      expect((await metadata())?.labels).toBeUndefined()
      await k('annotate', 'configmap', 'settings', 'note=some text')
      expect((await metadata())?.annotations?.['note']).toBe('some text')
    })

    it('patch understands its three types', async () => {
      await apply(deployment(2, 'shop:1'))
      const spec = async () => (await k.json<Deployment>('get', 'deployment', 'shop')).spec?.template.spec
      await k(
        'patch',
        'deployment',
        'shop',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"beside","image":"beside:1"}]}}}}',
      )
      expect((await spec())?.containers.map(({ name }) => name)).toEqual(['beside', 'shop'])
      await k(
        'patch',
        'deployment',
        'shop',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/spec/template/spec/containers/0/name","value":"beside"},{"op":"remove","path":"/spec/template/spec/containers/0"}]',
      )
      expect((await spec())?.containers.map(({ name }) => name)).toEqual(['shop'])
      await k(
        'patch',
        'deployment',
        'shop',
        '--type=merge',
        '-p',
        '{"spec":{"template":{"spec":{"tolerations":null,"terminationGracePeriodSeconds":5}}}}',
      )
      expect(await spec()).toMatchObject({ terminationGracePeriodSeconds: 5 })
      expect((await spec())?.tolerations).toBeUndefined()
      await fails(
        /the server rejected our request due to an error in our request|testing value/,
        'patch',
        'deployment',
        'shop',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/spec/replicas","value":77}]',
      )
      await k('patch', 'deployment', 'shop', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":3}}')
      expect((await k.json<Deployment>('get', 'deployment', 'shop')).spec?.replicas).toBe(3)
    })

    it('replace needs the version that it read', async () => {
      const read = await k.json<ConfigMap>('get', 'configmap', 'settings')
      await k('label', 'configmap', 'settings', 'changed=meanwhile')
      const late = await k.run(['replace', '-f', '-'], JSON.stringify({ ...read, data: { late: 'yes' } }))
      expect([late.code, late.stderr]).toEqual([
        1,
        expect.stringContaining(
          'the object has been modified; please apply your changes to the latest version and try again',
        ),
      ])
      expect(await k.run(['replace', '-f', '-'], configMap({ whole: 'new' }))).toMatchObject({ code: 0 })
      expect(await settings()).toEqual({ whole: 'new' })
    })

    it('scale does so only from what was expected', async () => {
      await fails(
        /Expected replicas to be 9, was 3/,
        'scale',
        'deployment/shop',
        '--current-replicas=9',
        '--replicas=1',
      )
      await k('scale', 'deployment/shop', '--current-replicas=3', '--replicas=4')
      expect((await k.json<Deployment>('get', 'deployment', 'shop')).spec?.replicas).toBe(4)
    })

    it('rollout history names the causes, and undo goes back to any revision', async () => {
      await apply(deployment(2, 'shop:1'))
      await k('rollout', 'status', 'deployment/shop', '--timeout=30s')
      for (const tag of ['2', '3']) {
        await k('set', 'image', 'deployment/shop', `shop=shop:${tag}`)
        await k('annotate', '--overwrite', 'deployment/shop', `kubernetes.io/change-cause=to ${tag}`)
        await k('rollout', 'status', 'deployment/shop', '--timeout=30s')
      }
      const history = (await k('rollout', 'history', 'deployment/shop')).split('\n')
      const [two, three] = [
        history.find((line) => line.endsWith('to 2')),
        history.find((line) => line.endsWith('to 3')),
      ]
      expect([two, three].map((line) => /^\d+ /.test(line ?? ''))).toEqual([true, true])
      const revision = two!.split(' ')[0]!
      expect(await k('rollout', 'history', 'deployment/shop', `--revision=${revision}`)).toContain('shop:2')
      await k('rollout', 'undo', 'deployment/shop', `--to-revision=${revision}`)
      await k('rollout', 'status', 'deployment/shop', '--timeout=30s')
      expect(await k('get', 'deployment', 'shop', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).toBe(
        'shop:2',
      )
      await fails(
        /unable to find specified revision 77|revision.*not found/i,
        'rollout',
        'undo',
        'deployment/shop',
        '--to-revision=77',
      )
    })

    it('set changes environment, resources and service account', async () => {
      await k('set', 'env', 'deployment/shop', 'COLOUR=blue')
      await k('set', 'resources', 'deployment/shop', '--limits=cpu=200m', '--requests=cpu=100m')
      expect(await k('set', 'env', 'deployment/shop', '--list')).toContain('COLOUR=blue')
      expect(
        (await k.json<Deployment>('get', 'deployment', 'shop')).spec?.template.spec?.containers[0]?.resources,
      ).toEqual({ limits: { cpu: '200m' }, requests: { cpu: '100m' } })
    })

    it('create makes things from its arguments', async () => {
      await k('create', 'configmap', 'made', '--from-literal=a=1', `--from-file=${path.join(folder.path, 'editor.sh')}`)
      expect(Object.keys((await k.json<ConfigMap>('get', 'configmap', 'made')).data ?? {})).toEqual(['a', 'editor.sh'])
      await k('create', 'secret', 'generic', 'made', '--from-literal=password=hush')
      expect((await k.json<Secret>('get', 'secret', 'made')).data).toEqual({
        password: Buffer.from('hush').toString('base64'),
      })
      await k('create', 'deployment', 'made', '--image=shop:1', '--replicas=1')
      await k('expose', 'deployment', 'made', '--port=80', '--target-port=8000')
      await k('create', 'service', 'nodeport', 'door', '--tcp=80:8000')
      await k('create', 'serviceaccount', 'made')
      await k('create', 'role', 'made', '--verb=get,list', '--resource=pods,deployments.apps')
      await k('create', 'rolebinding', 'made', '--role=made', `--serviceaccount=${namespace}:made`)
      await k('create', 'quota', 'made', '--hard=configmaps=100')
      await k('create', 'ingress', 'made', '--rule=shop.example/*=made:80')
      await k('create', 'poddisruptionbudget', 'made', '--selector=app=shop', '--min-available=1')
      await k('create', 'priorityclass', `made-${namespace}`, '--value=7')
      expect(await k('auth', 'can-i', 'list', 'deployments.apps', `--as=system:serviceaccount:${namespace}:made`)).toBe(
        'yes\n',
      )
      await fails(/already exists/, 'create', 'configmap', 'made')
      await fails(/Invalid value: "Not_A_Name"/, 'create', 'configmap', 'Not_A_Name')
    })

    it('create of a kind without a loop says in a warning that nothing will act on it', async () => {
      const idle = {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: `idle-${namespace}` },
        spec: { drivers: [] },
      }
      const { code, stderr } = await k.run(['create', '-f', '-'], JSON.stringify(idle))
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^Warning: /)])
    })

    it('cordon, uncordon and drain take pods from a node and keep new ones off it', async () => {
      const node = 'simulated-2'
      const pinned = deployment(2, 'shop:1').replaceAll('shop', 'moving').replace('simulated-1', node)
      await apply(pinned)
      await k('rollout', 'status', 'deployment/moving', '--timeout=30s')
      await k('cordon', node)
      expect((await k.json<Node>('get', 'node', node)).spec?.unschedulable).toBe(true)
      expect(await k('get', 'node', node)).toContain('Ready,SchedulingDisabled')
      await k('drain', node, '--ignore-daemonsets', '--timeout=40s')
      const { items } = await k.json<KubeList<Pod>>('get', 'pods', '-l', 'app=moving')
      expect(items.filter(({ spec }) => spec?.nodeName === node)).toEqual([])
      await eventually('the reason is told', async () =>
        (await k('describe', 'pods', '-l', 'app=moving')).includes('unschedulable'),
      )
      await k('uncordon', node)
      await k('rollout', 'status', 'deployment/moving', '--timeout=30s')
      await k('delete', 'deployment', 'moving')
    })

    it('refuses what is wrong with the reason, and makes nothing of it', async () => {
      const unknown = await k.run(
        ['apply', '-f', '-'],
        deployment(1, 'shop:1').replaceAll('shop', 'wrong').replace('replicas', 'replicass'),
      )
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringMatching(/strict decoding error: unknown field "spec\.replicass"|unknown field "replicass"/),
      ])
      const malformed = await k.run(['apply', '-f', '-'], 'apiVersion: v1\nkind: ConfigMap\n  metadata: {')
      expect([malformed.code, malformed.stderr]).toEqual([1, expect.stringMatching(/error parsing .*yaml: line \d/)])
      const kind = await k.run(['apply', '-f', '-'], 'apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}')
      expect([kind.code, kind.stderr]).toEqual([
        1,
        expect.stringContaining('no matches for kind "Nonsense" in version "v1"'),
      ])
      const invalid = await k.run(['apply', '-f', '-'], deployment(-1, 'shop:1').replaceAll('shop', 'wrong'))
      expect([invalid.code, invalid.stderr]).toEqual([
        1,
        expect.stringContaining('spec.replicas: Invalid value: -1: must be greater than or equal to 0'),
      ])
      await fails(/not found/, 'get', 'deployment', 'wrong')
    })

    it('delete takes dependents along, or leaves them', async () => {
      const pods = async (app: string) =>
        (await k.json<KubeList<KubeObject>>('get', 'pods,replicasets', '-l', `app=${app}`)).items.length
      await k('delete', 'deployment', 'shop', '--cascade=foreground')
      expect(await pods('shop')).toBe(0)
      await k('delete', 'deployment', 'made', '--cascade=orphan')
      expect(await pods('made')).toBe(2)
      await k('delete', 'replicaset', '-l', 'app=made', '--cascade=background')
      await eventually('the pods have gone after it', async () => (await pods('made')) === 0)
      await k('delete', 'configmap', '--all')
      await fails(/configmaps "made" not found/, 'delete', 'configmap', 'made')
      expect(await k('delete', 'configmap', 'made', '--ignore-not-found')).toBe('')
    })

    it('delete of a namespace ends all that is in it', async () => {
      await k(
        'run',
        'last',
        '--image=shop:1',
        '--overrides={"spec":{"nodeSelector":{"kubernetes.io/hostname":"simulated-1"},"tolerations":[{"operator":"Exists"}]}}',
      )
      await k('wait', '--for=condition=Ready', 'pod/last', '--timeout=20s')
      await k('delete', 'namespace', namespace, '--timeout=40s')
      expect((await k.run(['get', 'namespace', namespace])).stderr).toContain('not found')
      expect((await k.run(['get', 'secret', 'made'])).stderr).toContain('not found')
    })
  },
  120_000,
)
