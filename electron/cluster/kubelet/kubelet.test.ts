import { readFile, writeFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import type { ConfigMap } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configMaps, leases, nodes, pods, resourceClaims } from '#shared/kube/resources.ts'
import { container, pod } from './testing/builders.ts'
import { Harness } from './testing/harness.ts'

vi.setConfig({ testTimeout: 30_000 })

let test: Harness
beforeEach(async () => {
  test = await new Harness().start()
})
afterEach(() => test.stop())

const key = { namespace: 'shop', name: 'web-1' }
const statusOf = (name = 'web-1') => test.pod(name)?.status
const web = (name = 'web-1') => statusOf(name)?.containerStatuses?.[0]
const ready = (name = 'web-1') => statusOf(name)?.conditions?.find(({ type }) => type === 'Ready')?.status
const configMap = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data,
})

describe('the node', () => {
  it('is registered Ready, with its capacity and what it does not isolate, and keeps its lease', async () => {
    const node = test.client.find(nodes, { name: 'node-1' })
    expect(node?.status?.capacity?.pods).toBe('110')
    expect(node?.status?.daemonEndpoints?.kubeletEndpoint?.Port).toBe(10_250)
    const conditions = Object.fromEntries((node?.status?.conditions ?? []).map(({ type, status }) => [type, status]))
    expect(conditions).toMatchObject({ Ready: 'True', MemoryPressure: 'False', 'wheelhouse.dev/FullyIsolated': 'True' })
    await test.until(() => test.client.find(leases, { namespace: 'kube-node-lease', name: 'node-1' }))
    const renewed = () => test.client.find(leases, { namespace: 'kube-node-lease', name: 'node-1' })?.spec?.renewTime
    const before = renewed()
    await test.clock.advance(10_000)
    await test.until(() => renewed() !== before)
  })

  it('lets pods have what somebody puts into its capacity, until it is taken out again', async () => {
    const dongles = () => test.client.find(nodes, { name: 'node-1' })?.status?.allocatable?.['example.com/dongle']
    const put = (amount: string | undefined) =>
      test.client.change(nodes, { name: 'node-1' }, ({ status }) => {
        if (amount) Object.assign(status!.capacity!, { 'example.com/dongle': amount })
        else delete (status!.capacity as Record<string, string>)['example.com/dongle']
      })
    put('4')
    await test.pass(20_000, 10_000)
    expect(dongles()).toBe('4')
    const reports = () => test.client.writes('patch').filter(({ resource }) => resource === 'nodes').length
    const before = reports()
    await test.pass(60_000, 10_000)
    expect(reports()).toBe(before)
    put(undefined)
    await test.pass(20_000, 10_000)
    expect(dongles()).toBeUndefined()
  })

  it('says that it is Ready again within ten seconds of being called otherwise', async () => {
    const state = () =>
      test.client.find(nodes, { name: 'node-1' })?.status?.conditions?.find(({ type }) => type === 'Ready')?.status
    test.client.change(nodes, { name: 'node-1' }, ({ status }) => {
      Object.assign(
        status!.conditions!.find(({ type }) => type === 'Ready')!,
        { status: 'Unknown' },
      )
    })
    expect(state()).toBe('Unknown')
    await test.pass(20_000, 10_000)
    expect(state()).toBe('True')
  })

  it('reports an unchanged status every five minutes and a changed one within ten seconds', async () => {
    const reports = () => test.client.writes('patch').filter(({ resource }) => resource === 'nodes').length
    const before = reports()
    await test.pass(60_000, 10_000)
    expect(reports()).toBe(before)
    test.runtime.limits = ['Nothing is isolated.']
    await test.pass(10_000, 10_000)
    expect(reports()).toBe(before + 1)
    const condition = test.client
      .find(nodes, { name: 'node-1' })
      ?.status?.conditions?.find(({ type }) => type === 'wheelhouse.dev/FullyIsolated')
    expect(condition).toMatchObject({ status: 'False', message: 'Nothing is isolated.' })
    await test.pass(300_000, 10_000)
    expect(reports()).toBe(before + 2)
  })
})

describe('a pod', () => {
  it('is pulled, created, started and reported running and ready', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    expect(test.runtime.calls).toEqual(['sandbox web-1', 'pull shop/web:1', 'create web', 'start web'])
    expect(statusOf()).toMatchObject({
      phase: 'Running',
      podIP: '10.244.0.1',
      hostIP: '192.168.0.2',
      qosClass: 'BestEffort',
    })
    await test.until(() => test.events.length === 4)
    expect(test.events.map(({ reason }) => reason)).toEqual(['Pulling', 'Pulled', 'Created', 'Started'])
    expect(test.message('Pulled')).toMatch(
      /^Successfully pulled image "shop\/web:1" in .* \(.* including waiting\)\. Image size: 1000 bytes\.$/,
    )
  })

  it('finds an image that is there, and says so', async () => {
    test.runtime.present.set('shop/web:1', { id: 'sha256:1', tags: ['shop/web:1'], sizeBytes: 1 })
    test.run(pod())
    await test.until(() => test.message('Pulled'))
    expect(test.message('Pulled')).toBe(
      'Container image "shop/web:1" already present on machine and can be accessed by the pod',
    )
  })

  it('waits in ErrImagePull, then ImagePullBackOff, and tries again', async () => {
    test.run(pod({ containers: [{ image: 'shop/absent:1' }] }))
    await test.until(() => web()?.state?.waiting?.reason === 'ErrImagePull')
    expect(web()?.state?.waiting?.message).toBe('no such image: shop/absent:1')
    expect(statusOf()?.phase).toBe('Pending')
    const pulls = () => test.runtime.calls.filter((call) => call.startsWith('pull')).length
    await test.pass(20_000, 10_000)
    await test.until(() => web()?.state?.waiting?.reason === 'ImagePullBackOff')
    expect(pulls()).toBe(2)
    expect(web()?.state?.waiting?.message).toBe(
      'Back-off pulling image "shop/absent:1": ErrImagePull: no such image: shop/absent:1',
    )
    await test.pass(11_000)
    expect(pulls()).toBe(3)
  })

  it('pulls the images that are volumes, and mounts what they hold', async () => {
    const volumes = [{ name: 'v', image: { reference: 'shop/data:1' } }]
    const containers = [{ volumeMounts: [{ name: 'v', mountPath: '/data', subPath: 'a' }] }]
    test.run(pod({ containers, spec: { volumes } } as object))
    await test.until(() => ready() === 'True')
    expect(test.runtime.calls).toContain('pull shop/data:1')
    expect(test.runtime.container('web').config.mounts).toContainEqual({
      hostPath: '',
      containerPath: '/data',
      readOnly: true,
      image: { id: test.runtime.present.get('shop/data:1')!.id, subPath: 'a' },
    })
  })

  it('waits in ErrImagePull for an image that is a volume', async () => {
    const volumes = [{ name: 'v', image: { reference: 'shop/absent:1' } }]
    test.run(pod({ containers: [{ volumeMounts: [{ name: 'v', mountPath: '/data' }] }], spec: { volumes } } as object))
    await test.until(() => web()?.state?.waiting?.reason === 'ErrImagePull')
    expect(web()?.state?.waiting?.message).toBe('no such image: shop/absent:1')
  })

  it('has the runtime run a pod as its RuntimeClass says', async () => {
    test.run({ ...pod({ spec: { runtimeClassName: 'sandboxed' } }) })
    await test.until(() => test.message('FailedCreatePodSandBox'))
    expect(test.message('FailedCreatePodSandBox')).toContain('runtimeclasses.node.k8s.io "sandboxed" not found')
    const found = { kind: 'RuntimeClass', apiVersion: 'node.k8s.io/v1', metadata: { name: 'sandboxed' }, handler: 'vm' }
    test.client.seed(found)
    await test.pass(5000)
    await test.until(() => ready() === 'True')
    expect([...test.runtime.pods.values()][0]?.config.runtimeHandler).toBe('vm')
  })

  it('makes no sandbox for a pod whose devices nobody of the node makes ready, until the claim is another', async () => {
    const devices = (pool: readonly object[], uid = 'uid-1') => ({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'gpu', namespace: 'shop', uid: 'claim-1' },
      spec: {},
      status: { allocation: { devices: { results: pool } }, reservedFor: [{ resource: 'pods', name: 'web-1', uid }] },
    })
    const why = () => test.events.findLast(({ reason }) => reason === 'FailedPrepareDynamicResources')?.message
    const start = 'Failed to prepare dynamic resources: prepare dynamic resources: '
    test.run(pod({ spec: { resourceClaims: [{ name: 'a', resourceClaimName: 'gpu' }] } as object }))
    await test.until(() => why()?.startsWith(`${start}fetch ResourceClaim gpu: `))
    test.client.seed(devices([], 'uid-2'))
    await test.pass(15_000)
    expect(why()).toBe(`${start}pod web-1 (uid-1) is not allowed to use ResourceClaim gpu (claim-1)`)
    test.client.change(resourceClaims, { namespace: 'shop', name: 'gpu' }, (claim) =>
      Object.assign(claim, devices([{ request: 'a', driver: 'gpu.example.com', pool: 'p', device: 'd' }])),
    )
    await test.pass(15_000)
    expect(why()).toBe(`${start}DRA driver gpu.example.com is not registered`)
    expect(test.runtime.pods.size).toBe(0)
    expect(test.message('FailedCreatePodSandBox')).toBeUndefined()
    test.client.change(resourceClaims, { namespace: 'shop', name: 'gpu' }, (claim) => Object.assign(claim, devices([])))
    await test.pass(15_000)
    await test.until(() => ready() === 'True')
  })

  it('restarts a crashed container at once, then backs off as CrashLoopBackOff', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    test.runtime.exit('web', 1)
    await test.until(() => web()?.restartCount === 1 && web()?.state?.running)
    expect(web()?.lastState?.terminated).toMatchObject({ exitCode: 1, reason: 'Error' })
    test.runtime.exit('web', 2)
    await test.until(() => web()?.state?.waiting?.reason === 'CrashLoopBackOff')
    expect(web()?.state?.waiting?.message).toBe('back-off 10s restarting failed container=web pod=web-1_shop(uid-1)')
    expect(statusOf()?.phase).toBe('Running')
    expect(test.message('BackOff')).toBe('Back-off restarting failed container web in pod web-1_shop(uid-1)')
    await test.pass(11_000)
    await test.until(() => web()?.restartCount === 2 && web()?.state?.running)
    expect(web()?.lastState?.terminated?.exitCode).toBe(2)
  })

  it('keeps one ended run of a container and removes older ones', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    for (const restarts of [1, 2, 3]) {
      await test.pass(700_000, 60_000)
      test.runtime.exit('web', 1)
      await test.until(() => web()?.restartCount === restarts)
    }
    expect(await test.until(() => test.runtime.runs.size === 2)).toBe(true)
  })

  it('succeeds and frees its sandbox, but keeps its containers for their logs', async () => {
    test.run(pod({ spec: { restartPolicy: 'Never' } }))
    await test.until(() => ready() === 'True')
    test.runtime.exit('web', 0)
    await test.until(() => statusOf()?.phase === 'Succeeded')
    await test.until(() => test.runtime.calls.includes('stop-sandbox web-1'))
    expect(test.runtime.runs.size).toBe(1)
    expect(statusOf()?.podIP).toBe('10.244.0.1')
    expect(statusOf()?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    })
  })

  it('fails when its deadline has passed', async () => {
    test.run(pod({ spec: { activeDeadlineSeconds: 20 } }))
    await test.until(() => ready() === 'True')
    await test.pass(21_000)
    await test.until(() => statusOf()?.phase === 'Failed')
    expect(statusOf()).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    })
  })

  it('is ended when its deadline has passed although the first attempt fails', async () => {
    test.run(pod({ spec: { activeDeadlineSeconds: 20 } }))
    await test.until(() => ready() === 'True')
    let failures = 1
    test.runtime.onCall = (call) => {
      if (call.startsWith('stop web') && failures-- > 0) throw new Error('not at the moment')
    }
    await test.pass(21_000)
    await test.until(() => failures < 1)
    await test.pass(2000)
    await test.until(() => test.runtime.container('web').state === 'exited')
    expect(test.runtime.calls.filter((call) => call.startsWith('stop web'))).toHaveLength(2)
  })

  it('that does not fit is rejected and never started', async () => {
    const resources = { requests: { memory: '100Ti' } }
    test.run(pod({ containers: [{ resources }] }))
    await test.until(() => statusOf()?.phase === 'Failed')
    expect(statusOf()?.reason).toBe('OutOfmemory')
    expect(statusOf()?.message).toMatch(
      /^Pod was rejected: Node didn't have enough resource: memory, requested: 109951162777600, used: 0, capacity: \d+$/,
    )
    expect(test.runtime.calls).toEqual([])
  })

  it('leaves what its container wrote to the termination message path', async () => {
    test.run(pod({ spec: { restartPolicy: 'Never' } }))
    await test.until(() => ready() === 'True')
    const mount = test.runtime
      .container('web')
      .config.mounts.find(({ containerPath }) => containerPath === '/dev/termination-log')
    await writeFile(mount!.hostPath, 'no more coffee')
    test.runtime.exit('web', 7)
    await test.until(() => statusOf()?.phase === 'Failed')
    expect(web()?.state?.terminated).toMatchObject({ exitCode: 7, message: 'no more coffee' })
  })

  it('falls back to the end of the log for its termination message where asked to', async () => {
    test.run(
      pod({ spec: { restartPolicy: 'Never' }, containers: [{ terminationMessagePolicy: 'FallbackToLogsOnError' }] }),
    )
    await test.until(() => ready() === 'True')
    await writeFile(test.runtime.container('web').logPath, '2026-01-01T00:00:00Z stderr F panic: no beans\n')
    test.runtime.exit('web', 2)
    await test.until(() => statusOf()?.phase === 'Failed')
    expect(web()?.state?.terminated?.message).toBe('panic: no beans\n')
  })

  it('runs init containers in order before the rest', async () => {
    test.run(pod({ spec: { initContainers: [container({ name: 'one' }), container({ name: 'two' })] } }))
    await test.until(() => test.runtime.calls.includes('start one'))
    test.runtime.exit('one', 0)
    await test.until(() => test.runtime.calls.includes('start two'))
    expect(web()?.state?.waiting?.reason).toBe('PodInitializing')
    test.runtime.exit('two', 0)
    await test.until(() => ready() === 'True')
    expect(test.runtime.calls.filter((call) => call.startsWith('start'))).toEqual([
      'start one',
      'start two',
      'start web',
    ])
  })

  it('runs a debug container that is added to it', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    test.client.change(pods, key, (changed) => {
      changed.spec!.ephemeralContainers = [{ name: 'debug', image: 'busybox:1', targetContainerName: 'web' }]
      changed.metadata = { ...changed.metadata, generation: 2 }
    })
    await test.until(() => statusOf()?.ephemeralContainerStatuses?.[0]?.state?.running)
    expect(test.runtime.container('debug').config.targetContainerId).toBe(test.runtime.container('web').id)
    expect(ready()).toBe('True')
  })
})

describe('deleting a pod', () => {
  const remove = (gracePeriodSeconds?: number) =>
    test.client.delete(pods, key, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds })

  it('stops its containers within the grace, then removes it from the API and the node', async () => {
    test.runtime.onStop = () => ({ after: 5000, exitCode: 0 })
    test.run(pod())
    await test.until(() => ready() === 'True')
    await remove()
    await test.until(() => test.runtime.calls.includes('stop web 30'))
    expect(test.pod()?.metadata?.deletionTimestamp).toBeDefined()
    await test.pass(6000)
    await test.until(() => !test.pod())
    await test.until(() => test.runtime.runs.size === 0 && test.runtime.pods.size === 0)
    expect(test.message('Killing')).toBe('Stopping container web')
    const last = test.client.writes('delete').at(-1)
    expect(last?.options).toEqual({ gracePeriodSeconds: 0, preconditions: { uid: 'uid-1' } })
  })

  it('kills sooner when a second delete shortens the grace', async () => {
    test.runtime.onStop = () => ({ after: Infinity, exitCode: 0 })
    test.run(pod())
    await test.until(() => ready() === 'True')
    await remove(60)
    await test.until(() => test.runtime.calls.includes('stop web 60'))
    await remove(3)
    await test.until(() => test.runtime.calls.includes('stop web 3'))
    await test.pass(4000)
    await test.until(() => !test.pod())
    expect(test.events.filter(({ reason }) => reason === 'Killing')).toHaveLength(1)
  })

  it('runs the preStop hook within the grace before the signal', async () => {
    const commands: string[] = []
    test.runtime.onExecSync = async (_, command) => {
      commands.push(command.join(' '))
      await test.clock.sleep(4000)
      return { exitCode: 0 }
    }
    test.run(pod({ containers: [{ lifecycle: { preStop: { exec: { command: ['drain'] } } } }] }))
    await test.until(() => ready() === 'True')
    await remove(10)
    await test.until(() => commands.length === 1)
    expect(test.runtime.calls.at(-1)).not.toMatch(/^stop/)
    await test.pass(5000)
    await test.until(() => test.runtime.calls.includes('stop web 6'))
  })

  it('gives the container two seconds when the preStop hook takes the whole grace', async () => {
    test.run(pod({ containers: [{ lifecycle: { preStop: { sleep: { seconds: 100 } } } }] }))
    await test.until(() => ready() === 'True')
    await remove(5)
    await test.pass(6000)
    expect(await test.until(() => test.runtime.calls.includes('stop web 2'))).toBe(true)
  })

  it('ends sidecars after the regular containers, the last one first', async () => {
    const sidecars = ['proxy', 'logger'].map((name) => container({ name, restartPolicy: 'Always' }))
    test.runtime.onStop = (run) => ({ after: run.name === 'web' ? 1000 : 0, exitCode: 0 })
    test.run(pod({ spec: { initContainers: sidecars } }))
    await test.until(() => ready() === 'True')
    await remove()
    await test.pass(2000)
    await test.until(() => !test.pod())
    const stops = test.runtime.calls.filter((call) => call.startsWith('stop ')).map((call) => call.split(' ')[1])
    expect(stops).toEqual(['web', 'logger', 'proxy'])
  })

  it('does not wait for the end of an image pull', async () => {
    test.runtime.images.pull = () => new Promise(() => {})
    test.run(pod())
    await test.until(() => test.message('Pulling'))
    await remove()
    expect(await test.until(() => !test.pod())).toBe(true)
  })

  it('does not wait for a liveness kill that is under way', async () => {
    test.runtime.onStop = () => ({ after: Infinity, exitCode: 0 })
    test.run(pod({ containers: [{ image: 'shop/web:1' }], spec: { terminationGracePeriodSeconds: 600 } }))
    await test.until(() => ready() === 'True')
    test.client.change(pods, key, (changed) => {
      changed.spec!.containers[0]!.image = 'shop/web:2'
      changed.metadata = { ...changed.metadata, generation: 2 }
    })
    await test.until(() => test.runtime.calls.includes('stop web 600'))
    await remove(4)
    await test.pass(5000)
    expect(await test.until(() => !test.pod())).toBe(true)
  })

  it('kills the containers of a pod that was removed by force', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    test.client.remove(pods, key)
    await test.until(() => test.runtime.runs.size === 0 && test.runtime.pods.size === 0)
    expect(test.runtime.calls).toContain('stop web 30')
  })

  it('answers for the next pod of the name while one that was removed by force still ends', async () => {
    test.runtime.onStop = () => ({ after: Infinity, exitCode: 0 })
    test.run(pod())
    await test.until(() => ready() === 'True')
    test.client.remove(pods, key)
    await test.until(() => test.runtime.calls.includes('stop web 30'))
    test.run(pod({ metadata: { uid: 'uid-2' } }))
    const uidOf = () => test.kubelet?.find('shop', 'web-1')?.metadata?.uid
    expect(await test.until(() => test.kubelet?.pods.length === 2 && uidOf())).toBe('uid-2')
  })
})

describe('a restarted agent', () => {
  it('takes running pods over without touching them', async () => {
    test.run(pod({ containers: [{ readinessProbe: { exec: { command: ['true'] }, periodSeconds: 5 } }] }))
    await test.until(() => statusOf()?.phase === 'Running')
    await test.pass(2500)
    await test.until(() => ready() === 'True')
    const [calls, status] = [[...test.runtime.calls], statusOf()]
    await test.stopAgent()
    await test.start()
    await test.pass(1000)
    expect(test.runtime.calls).toEqual(calls)
    expect(statusOf()).toEqual(status)
  })

  it('ends pods that were deleted while it was away, with their files', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    await test.stopAgent()
    test.client.remove(pods, key)
    await test.start()
    expect(await test.until(() => test.runtime.runs.size === 0 && test.runtime.pods.size === 0)).toBe(true)
  })

  it('goes on with the deletion of a pod', async () => {
    test.runtime.onStop = () => ({ after: Infinity, exitCode: 0 })
    test.run(pod())
    await test.until(() => ready() === 'True')
    await test.client.delete(pods, key, { gracePeriodSeconds: 300 })
    await test.until(() => test.runtime.calls.includes('stop web 300'))
    await test.stopAgent()
    test.runtime.onStop = () => ({ after: 0, exitCode: 0 })
    await test.start()
    expect(await test.until(() => !test.pod())).toBe(true)
  })

  it('starts pods again after a reboot of the node: same uid, one more restart', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    await test.stopAgent()
    test.runtime.reboot()
    await test.start()
    await test.until(() => web()?.restartCount === 1 && ready() === 'True')
    expect(test.pod()?.metadata?.uid).toBe('uid-1')
    await test.until(() => test.message('SandboxChanged'))
    expect(test.message('SandboxChanged')).toBe('Pod sandbox changed, it will be killed and re-created.')
  })

  it('counts the restart even when the runtime has forgotten everything', async () => {
    test.run(pod())
    await test.until(() => ready() === 'True')
    await test.stopAgent()
    test.runtime.runs.clear()
    test.runtime.pods.clear()
    await test.start()
    await test.until(() => web()?.restartCount === 1 && ready() === 'True')
    expect(web()?.lastState?.terminated?.reason).toBe('ContainerStatusUnknown')
  })
})

describe('probes', () => {
  it('keep a container unready until the first success, and make it unready by failures in a row', async () => {
    let healthy = false
    test.runtime.onExecSync = () => (healthy ? { exitCode: 0 } : { exitCode: 1, stdout: 'not yet' })
    const readinessProbe = { exec: { command: ['check'] }, periodSeconds: 2, failureThreshold: 2 }
    test.run(pod({ containers: [{ readinessProbe }] }))
    await test.until(() => statusOf()?.phase === 'Running')
    await test.pass(1000)
    await test.until(() => test.message('Unhealthy'))
    expect(ready()).toBe('False')
    expect(test.message('Unhealthy')).toBe('Readiness probe failed: not yet')
    healthy = true
    await test.pass(2000)
    await test.until(() => ready() === 'True')
    healthy = false
    await test.pass(2000)
    expect(ready()).toBe('True')
    await test.pass(2000)
    await test.until(() => ready() === 'False')
  })

  it('restart a container whose liveness probe fails, with the grace of the probe', async () => {
    let healthy = true
    test.runtime.onExecSync = () => ({ exitCode: healthy ? 0 : 1 })
    const livenessProbe = {
      exec: { command: ['check'] },
      periodSeconds: 1,
      failureThreshold: 3,
      terminationGracePeriodSeconds: 7,
    }
    test.run(pod({ containers: [{ livenessProbe }] }))
    await test.until(() => ready() === 'True')
    healthy = false
    await test.pass(4000)
    await test.until(() => test.runtime.calls.includes('stop web 7'))
    healthy = true
    await test.until(() => web()?.restartCount === 1 && web()?.state?.running)
    expect(test.message('Killing')).toBe('Container web failed liveness probe, will be restarted')
  })

  it('rest until the startup probe has succeeded', async () => {
    const asked: string[] = []
    let started = false
    test.runtime.onExecSync = (_, [command = '']) => {
      asked.push(command)
      return { exitCode: command === 'startup' && !started ? 1 : 0 }
    }
    const probe = (command: string) => ({ exec: { command: [command] }, periodSeconds: 1, failureThreshold: 100 })
    test.run(
      pod({
        containers: [
          { startupProbe: probe('startup'), livenessProbe: probe('liveness'), readinessProbe: probe('readiness') },
        ],
      }),
    )
    await test.until(() => statusOf()?.phase === 'Running')
    await test.pass(3000)
    expect(new Set(asked)).toEqual(new Set(['startup']))
    started = true
    await test.pass(1500)
    await test.until(() => ready() === 'True' && asked.includes('liveness'))
  })

  it('ask over the pod network, wherever that is', async () => {
    const dialled: number[] = []
    test.runtime.onDial = async (_, port) => {
      dialled.push(port)
      return new PassThrough()
    }
    test.run(
      pod({
        containers: [
          { ports: [{ name: 'http', containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 'http' } } },
        ],
      }),
    )
    await test.until(() => statusOf()?.phase === 'Running')
    await test.pass(1500)
    await test.until(() => ready() === 'True')
    expect(dialled).toEqual([8080])
  })
})

describe('configuration', () => {
  const reading = { env: [{ name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'level' } } }] }

  it('that is missing keeps the container waiting until it is there', async () => {
    test.run(pod({ containers: [reading] }))
    await test.until(() => web()?.state?.waiting?.reason === 'CreateContainerConfigError')
    expect(web()?.state?.waiting?.message).toBe('configmap "settings" not found')
    expect(test.message('Failed')).toBe('Error: configmap "settings" not found')
    test.client.seed(configMap({ level: 'debug' }))
    await test.until(() => ready() === 'True')
    expect(test.runtime.container('web').config.env).toContainEqual({ name: 'LEVEL', value: 'debug' })
  })

  it('in a volume is updated in place when it changes', async () => {
    test.client.seed(configMap({ level: 'info' }))
    const volumeMounts = [{ name: 'config', mountPath: '/etc/app' }]
    test.run(
      pod({ spec: { volumes: [{ name: 'config', configMap: { name: 'settings' } }] }, containers: [{ volumeMounts }] }),
    )
    await test.until(() => ready() === 'True')
    const { hostPath } = test.runtime
      .container('web')
      .config.mounts.find(({ containerPath }) => containerPath === '/etc/app')!
    expect(await readFile(`${hostPath}/level`, 'utf8')).toBe('info')
    test.client.change(configMaps, { namespace: 'shop', name: 'settings' }, (map) => (map.data = { level: 'warn' }))
    let now = ''
    await test.until(() => {
      void readFile(`${hostPath}/level`, 'utf8').then((text) => (now = text))
      return now === 'warn'
    })
    expect(web()?.restartCount).toBe(0)
  })

  it('missing for a volume is told by an event and waited for', async () => {
    test.run(pod({ spec: { volumes: [{ name: 'config', configMap: { name: 'settings' } }] } }))
    await test.until(() => test.message('FailedMount'))
    expect(test.message('FailedMount')).toBe(
      'MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
    )
    expect(web()?.state?.waiting?.reason).toBe('ContainerCreating')
    test.client.seed(configMap({}))
    await test.until(() => ready() === 'True')
  })

  it('is watched by name for as long as a pod reads it', async () => {
    test.client.seed(configMap({ level: 'debug' }))
    test.run(pod({ containers: [reading] }))
    await test.until(() => ready() === 'True')
    const watched = test.client.actions.filter(({ verb, resource }) => verb === 'watch' && resource === 'configmaps')
    expect(watched.map(({ options }) => (options as { fieldSelector: string }).fieldSelector)).toEqual([
      'metadata.name=settings',
    ])
    const before = test.client.watchers
    await test.client.delete(pods, key)
    await test.until(() => !test.pod() && test.client.watchers === before - 1)
  })
})

it('writes no status when nothing has changed', async () => {
  test.run(pod())
  await test.until(() => ready() === 'True')
  const writes = () => test.client.writes('patch').filter(({ resource }) => resource === 'pods').length
  await test.pass(5000)
  const before = writes()
  await test.pass(200_000, 10_000)
  expect(writes()).toBe(before)
})
