import type { Deployment } from 'kubernetes-types/apps/v1'
import type { Event, Pod } from 'kubernetes-types/core/v1'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import { curl, curlLoop } from '../support/http.ts'
import { kubectl, kubectls, type Kubectl } from '../support/kubectl.ts'
import { root } from '../support/processes.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'

const manifest = path.join(root, 'resources', 'manifests', 'hello.yaml')
let cluster: TestCluster

beforeAll(async () => {
  cluster = await up()
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const list = (k: Kubectl) => k.json<KubeList<Pod>>('get', 'pods', '-l', 'app=hello')
const ready = (pod: Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
const readyPods = async (k: Kubectl) =>
  (await list(k)).items.filter((pod) => ready(pod) && !pod.metadata?.deletionTimestamp)

describe.each(Object.entries(kubectls()))(
  'with kubectl %s',
  (_version, binary) => {
    let k: Kubectl
    let site: string
    beforeAll(() => {
      k = kubectl(cluster.kubeconfig, binary)
    })

    it('rolls the sample out until its five pods are ready', async () => {
      await k('apply', '-f', manifest)
      await k('rollout', 'status', 'deployment/hello', '--timeout=30s')
      const pods = await readyPods(k)
      expect(pods).toHaveLength(5)
      expect(new Set(pods.map((pod) => pod.status?.podIP)).size).toBe(5)
      site = await loadBalancerAddress(k, 'hello')
    })

    it('balances the service over all five pods', async () => {
      const names = new Set<string>()
      await eventually('an answer from every pod', async () => {
        for (let i = 0; i < 50; i++) names.add((JSON.parse((await curl(`${site}/`)).body) as { pod: string }).pod)
        return names.size === 5
      })
    })

    it('changes the image without losing a request, and says so in the history', async () => {
      const loops = [curlLoop(`${site}/`), curlLoop(`${site}/config`), curlLoop(`${site}/healthz`)]
      await k('set', 'image', 'deployment/hello', 'hello=wheelhouse/hello:v2')
      await k('rollout', 'status', 'deployment/hello', '--timeout=50s')
      await eventually('the old pods gone', async () => (await list(k)).items.length === 5)
      for (const loop of loops) {
        const { succeeded, failures } = await loop.stop()
        expect(failures).toEqual([])
        expect(succeeded).toBeGreaterThan(20)
      }
      expect(JSON.parse((await curl(`${site}/`)).body)).toMatchObject({ version: 'v2' })
      expect((await k('rollout', 'history', 'deployment/hello')).split('\n').length).toBeGreaterThan(3)
    })

    it('stalls on a broken image without losing capacity, says so, and undoes it', async () => {
      await k('patch', 'deployment', 'hello', '-p', '{"spec":{"progressDeadlineSeconds":3}}')
      await k('set', 'image', 'deployment/hello', 'hello=wheelhouse/hello:broken')
      await eventually('a pod that is running and not ready', async () =>
        (await list(k)).items.some((pod) => pod.status?.phase === 'Running' && !ready(pod)),
      )
      // maxUnavailable 25 % of 5, rounded down, is 1.
      expect((await readyPods(k)).length).toBeGreaterThanOrEqual(4)
      expect((await curl(`${site}/`)).code).toBe(200)
      const { code, stderr } = await k.run(['rollout', 'status', 'deployment/hello', '--timeout=30s'])
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('error: deployment "hello" exceeded its progress deadline'),
      ])
      expect(await k('describe', 'deployment', 'hello')).toMatch(/Progressing +False +ProgressDeadlineExceeded/)
      expect((await readyPods(k)).length).toBeGreaterThanOrEqual(4)
      await k('patch', 'deployment', 'hello', '-p', '{"spec":{"progressDeadlineSeconds":600}}')
      await k('rollout', 'undo', 'deployment/hello')
      await k('rollout', 'status', 'deployment/hello', '--timeout=50s')
      const images = new Set((await readyPods(k)).map((pod) => pod.spec?.containers[0]?.image))
      expect([...images]).toEqual(['wheelhouse/hello:v2'])
    })

    it('pauses, resumes and restarts a rollout', async () => {
      const uids = async () => new Set((await readyPods(k)).map((pod) => pod.metadata?.uid))
      const before = await uids()
      await k('rollout', 'pause', 'deployment/hello')
      await k('set', 'env', 'deployment/hello', 'ROUND=two')
      await eventually('the change seen', async () => {
        const { metadata, status } = await k.json<Deployment>('get', 'deployment', 'hello')
        return status?.observedGeneration === metadata?.generation
      })
      expect(await uids()).toEqual(before)
      await k('rollout', 'resume', 'deployment/hello')
      await k('rollout', 'restart', 'deployment/hello')
      await k('rollout', 'status', 'deployment/hello', '--timeout=50s')
      for (const uid of await uids()) expect(before.has(uid)).toBe(false)
    })

    it('restarts a container that crashes, and keeps the log of the one before', async () => {
      const pod = (await readyPods(k))[0]!
      const name = pod.metadata!.name!
      const restarts = pod.status!.containerStatuses![0]!.restartCount
      // It may end with the container, before it has printed the answer.
      await k.run(['exec', name, '--', 'wget', '-q', '-O', '-', '--post-data=', 'http://127.0.0.1:8000/crash'])
      await eventually('one more restart, and ready again', async () => {
        const now = await k.json<Pod>('get', 'pod', name)
        return now.status!.containerStatuses![0]!.restartCount === restarts + 1 && ready(now)
      })
      expect(await k('logs', '-p', name)).toContain('/crash')
    })

    it('scales out to twenty and back', async () => {
      await k('scale', 'deployment/hello', '--replicas=20')
      await k('rollout', 'status', 'deployment/hello', '--timeout=55s')
      expect(await readyPods(k)).toHaveLength(20)
      await k('scale', 'deployment/hello', '--replicas=5')
      await eventually('fifteen pods gone', async () => (await list(k)).items.length === 5, 45_000)
    })

    it('deletes all of it, pods included', async () => {
      await k('delete', '-f', manifest)
      await eventually('no pod left', async () => (await list(k)).items.length === 0, 45_000)
      const { items } = await k.json<KubeList<Event>>('get', 'events')
      expect(items.map(({ reason }) => reason)).toEqual(
        expect.arrayContaining(['Scheduled', 'Created', 'Started', 'Killing', 'ScalingReplicaSet', 'SuccessfulCreate']),
      )
    })
  },
  240_000,
)
