import type { Node, Pod, Service } from 'kubernetes-types/core/v1'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../electron/cluster/runtime/process/isolation/programs.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { root } from '../support/processes.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'

const manifest = path.join(root, 'resources', 'manifests', 'hello.yaml')
const somebody = 60_001

interface Mode {
  who: 'root' | 'others'
  isolation: 'bubblewrap' | 'unshare' | 'none'
  network: 'bridge' | 'mapped'
}

/** From what a machine that lacks nothing offers to what every machine does; the first is every other suite's. */
const modes: Mode[] = [
  { who: 'root', isolation: 'unshare', network: 'bridge' },
  { who: 'root', isolation: 'unshare', network: 'mapped' },
  { who: 'root', isolation: 'none', network: 'mapped' },
  { who: 'others', isolation: 'unshare', network: 'mapped' },
  { who: 'others', isolation: 'bubblewrap', network: 'mapped' },
  { who: 'others', isolation: 'none', network: 'mapped' },
]

const isRoot = process.getuid?.() === 0
const needed = { bubblewrap: ['bwrap'], unshare: ['unshare', 'setpriv'], none: [], bridge: ['ip', 'nft'], mapped: [] }
const isPossible = ({ who, isolation, network }: Mode): boolean =>
  (who === 'others' || isRoot) && [...needed[isolation], ...needed[network]].every((name) => findProgram(name))

for (const mode of modes) {
  describe.skipIf(!isPossible(mode))(`${mode.isolation}, ${mode.network} network, run by ${mode.who}`, () => {
    let cluster: TestCluster
    let k: Kubectl
    let pod: string

    beforeAll(async () => {
      cluster = await up([], undefined, {
        env: { WHEELHOUSE_ISOLATION: mode.isolation, WHEELHOUSE_POD_NETWORK: mode.network },
        ...(mode.who === 'others' && isRoot ? { user: somebody } : {}),
      })
      k = cluster.kubectl
    })
    afterAll(async () => {
      // Fails when a process, mount, namespace, table, group or folder is left.
      await cluster?.[Symbol.asyncDispose]()
    })

    const inPod = (...command: string[]) => k.run(['exec', pod, '--', ...command])
    const fetched = async (url: string) => {
      const { stdout, stderr } = await inPod('wget', '-q', '-O', '-', '-T', '5', url)
      if (!stdout) throw new Error(`${url}: ${stderr}`)
      return (JSON.parse(stdout) as { pod: string }).pod
    }

    it('runs the sample and reaches it from this machine, through the API as well', async () => {
      await k('apply', '-f', manifest)
      await k('rollout', 'status', 'deployment/hello', '--timeout=40s')
      const site = await loadBalancerAddress(k, 'hello')
      expect((await curl(`${site}/`)).code).toBe(200)
      pod = (await k('get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}')).trim()
      const proxied = (what: string) => k('get', '--raw', `/api/v1/namespaces/default/${what}/proxy/`)
      expect(JSON.parse(await proxied(`pods/${pod}:8000`))).toMatchObject({ pod })
      expect(JSON.parse(await proxied('services/hello:http'))).toMatchObject({ app: 'hello' })
    })

    it('shows a command in a pod the pod: its files, its name and its own localhost', async () => {
      const said = await inPod('sh', '-c', 'pwd; hostname; cat /etc/hostname; echo kept > /tmp/file; cat /tmp/file')
      expect(said).toEqual({ code: 0, stdout: `/app\n${pod}\n${pod}\nkept\n`, stderr: '' })
      expect(await fetched('http://127.0.0.1:8000/')).toBe(pod)
      expect((await inPod('wget', '-q', '-O', '-', 'http://127.0.0.1:8001/')).stderr).toMatch(/refused/)
    })

    it('leads names, cluster IPs and pod IPs to where they belong', async () => {
      const { spec } = await k.json<Service>('get', 'service', 'hello')
      const { items } = await k.json<{ items: Pod[] }>('get', 'pods')
      const other = items.find(({ metadata }) => metadata?.name !== pod)!
      for (const host of ['hello', 'hello.default.svc.cluster.local', spec!.clusterIP!])
        expect(await fetched(`http://${host}:8080/`)).toMatch(/^hello-/)
      expect(await fetched(`http://${other.status!.podIP}:8000/`)).toBe(other.metadata!.name)
      expect((await inPod('nslookup', 'hello')).stdout).toContain(`Address: ${spec!.clusterIP}`)
      expect((await inPod('nslookup', 'nothing')).code).not.toBe(0)
    })

    it('lets a pod ask the API with its token', async () => {
      const script = `
        const { readFileSync: read } = require('node:fs'), base = '/var/run/secrets/kubernetes.io/serviceaccount/'
        require('node:https').get('https://kubernetes.default.svc/api', {
          ca: read(base + 'ca.crt'), headers: { authorization: 'Bearer ' + read(base + 'token') },
        }, (response) => response.on('data', (chunk) => process.stdout.write(chunk)))`
      expect(JSON.parse((await inPod('node', '-e', script)).stdout)).toMatchObject({ kind: 'APIVersions' })
    })

    it('restarts what crashes, and keeps the log of the one before', async () => {
      await inPod('wget', '-q', '-O', '-', '--post-data=', 'http://localhost:8000/crash')
      await eventually('a restart', async () => {
        const { status } = await k.json<Pod>('get', 'pod', pod)
        const [container] = status?.containerStatuses ?? []
        return container?.restartCount === 1 && container.ready && container.lastState?.terminated?.exitCode === 1
      })
      expect(await k('logs', '-p', pod)).toContain('/crash')
    })

    it('says in the conditions of the node what is not had', async () => {
      const { items } = await k.json<{ items: Node[] }>('get', 'nodes')
      const condition = items[0]!.status!.conditions!.find(({ type }) => type === 'wheelhouse.dev/FullyIsolated')!
      expect(/are not isolated/.test(condition.message ?? '')).toBe(mode.isolation === 'none')
      expect(/share this machine's network/.test(condition.message ?? '')).toBe(mode.network === 'mapped')
    })

    it('deletes all of it', async () => {
      await k('delete', '-f', manifest, '--wait=false')
      await eventually('no pod left', async () => !(await k('get', 'pods', '-o', 'name')), 30_000)
    })
  })
}
