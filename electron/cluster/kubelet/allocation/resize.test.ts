import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodes, pods } from '#shared/kube/resources.ts'
import { container, pod } from '../testing/builders.ts'
import { Harness } from '../testing/harness.ts'

vi.setConfig({ testTimeout: 30_000 })

let test: Harness
beforeEach(async () => {
  test = await new Harness().start()
})
afterEach(() => test.stop())

const key = { namespace: 'shop', name: 'web-1' }
const web = () => test.pod()?.status?.containerStatuses?.[0]
const condition = (type: string) => test.pod()?.status?.conditions?.find((each) => each.type === type)
const asking = (requests: Record<string, string>, limits = requests, more: object = {}) =>
  pod({ containers: [{ resources: { requests, limits }, ...more }] })

async function running(of = asking({ cpu: '100m', memory: '64Mi' })): Promise<void> {
  test.run(of)
  await test.until(() => web()?.state?.running)
}

async function resizeTo(requests: Record<string, string>, limits = requests): Promise<void> {
  const { metadata, spec } = test.pod()!
  const [first] = spec!.containers
  const containers = [{ ...first!, resources: { requests, limits } }]
  await test.client.update(pods, {
    ...test.pod()!,
    metadata: { ...metadata, generation: (metadata?.generation ?? 0) + 1 },
    spec: { ...spec!, containers },
  })
}

describe('resizing a running pod', () => {
  it('holds container and pod to the new amounts without a restart, and says so from start to end', async () => {
    await running()
    const { containerID } = web()!
    await resizeTo({ cpu: '200m', memory: '128Mi' })
    await test.until(() => web()?.resources?.limits?.['cpu'] === '200m')
    expect(web()).toMatchObject({
      containerID,
      restartCount: 0,
      allocatedResources: { cpu: '200m', memory: '128Mi' },
      resources: { requests: { cpu: '200m', memory: '128Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
    })
    expect(test.runtime.container('web').resources).toEqual({
      cpuLimitMilli: 200,
      cpuRequestMilli: 200,
      memoryLimitBytes: 128 * 1024 ** 2,
    })
    expect([...test.runtime.pods.values()][0]!.resources).toEqual(test.runtime.container('web').resources)
    await test.until(() => test.message('ResizeCompleted'))
    expect(test.message('ResizeStarted')).toBe(
      'Pod resize started: {"containers":[{"name":"web","resources":{"limits":{"cpu":"200m","memory":"128Mi"},"requests":{"cpu":"200m","memory":"128Mi"}}}],"generation":2}',
    )
    await test.until(() => !condition('PodResizeInProgress') && !condition('PodResizePending'))
  })

  it('restarts a container whose policy for the resource asks for it', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]
    await running(asking({ cpu: '100m', memory: '64Mi' }, undefined, { resizePolicy }))
    await resizeTo({ cpu: '200m', memory: '64Mi' })
    await test.until(() => web()?.resources?.limits?.['cpu'] === '200m')
    expect(web()?.restartCount).toBe(0)
    await resizeTo({ cpu: '200m', memory: '96Mi' })
    await test.until(() => web()?.restartCount === 1 && web()?.resources?.limits?.['memory'] === '96Mi')
    expect(test.events.some(({ message }) => message === 'Container web resize requires restart')).toBe(true)
  })

  it('that no pod of this node could have is infeasible, and what was given stays', async () => {
    await running()
    await resizeTo({ cpu: '1000', memory: '64Mi' })
    await test.until(() => condition('PodResizePending'))
    expect(condition('PodResizePending')).toMatchObject({
      status: 'True',
      reason: 'Infeasible',
      message: expect.stringMatching(
        /^Node didn't have enough capacity: cpu, requested: 1000000, capacity: \d+$/,
      ) as string,
      observedGeneration: 2,
    })
    expect(web()).toMatchObject({ allocatedResources: { cpu: '100m' }, resources: { limits: { cpu: '100m' } } })
    await resizeTo({ cpu: '100m', memory: '64Mi' })
    await test.until(() => !condition('PodResizePending'))
  })

  it('waits for room, and has it when another pod ends', async () => {
    const cpus = Number(test.client.find(nodes, { name: 'node-1' })!.status!.capacity!['cpu'])
    const most = String(cpus - 0.5)
    test.run(pod({ metadata: { name: 'big', uid: 'uid-2' }, containers: [{ resources: { requests: { cpu: most } } }] }))
    await running()
    await resizeTo({ cpu: '600m', memory: '64Mi' })
    await test.until(() => condition('PodResizePending')?.reason === 'Deferred')
    expect(condition('PodResizePending')?.message).toMatch(/^Node didn't have enough resource: cpu, requested: 600, /)
    await test.client.delete(pods, { namespace: 'shop', name: 'big' })
    await test.until(() => web()?.resources?.limits?.['cpu'] === '600m')
    expect(condition('PodResizePending')).toBeUndefined()
  })

  it('that matters more has the room first', async () => {
    const cpus = Number(test.client.find(nodes, { name: 'node-1' })!.status!.capacity!['cpu'])
    const one = (name: string, uid: string, cpu: string, priority: number) => {
      const resources = { requests: { cpu } }
      test.run(pod({ metadata: { name, uid }, spec: { priority, containers: [container({ resources })] } }))
      return test.until(() => test.pod(name)?.status?.phase === 'Running')
    }
    await one('big', 'uid-2', String(cpus - 0.2), 0)
    await one('low', 'uid-3', '100m', 1)
    await one('high', 'uid-4', '100m', 2)
    const cpuOf = (name: string) => test.pod(name)?.status?.containerStatuses?.[0]?.allocatedResources?.['cpu']
    const deferred = (name: string) =>
      test
        .pod(name)
        ?.status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Deferred')
    const most = String(cpus - 0.5)
    for (const name of ['low', 'high']) {
      const found = test.pod(name)!
      const containers = [{ ...found.spec!.containers[0]!, resources: { requests: { cpu: most } } }]
      const metadata = { ...found.metadata, generation: 2 }
      await test.client.update(pods, { ...found, metadata, spec: { ...found.spec!, containers } })
      await test.until(() => deferred(name))
    }
    await test.client.delete(pods, { namespace: 'shop', name: 'big' })
    await test.until(() => cpuOf('high') === most)
    expect(cpuOf('low')).toBe('100m')
    expect(deferred('low')).toBe(true)
  })

  it('does not take memory that is in use, and says so', async () => {
    await running()
    test.runtime.onStats = () => ({ memoryBytes: 50 * 1024 ** 2 })
    await resizeTo({ cpu: '100m', memory: '32Mi' })
    await test.until(() => condition('PodResizeInProgress')?.reason === 'Error')
    expect(condition('PodResizeInProgress')?.message).toBe(
      'cannot decrease memory limits: [attempting to set pod memory limit (33554432) below current usage (52428800), ' +
        'attempting to set container "web" memory limit (33554432) below current usage (52428800)]',
    )
    expect(web()?.resources?.limits?.['memory']).toBe('64Mi')
    test.runtime.onStats = () => ({})
    await test.pass(10_000)
    await test.until(() => web()?.resources?.limits?.['memory'] === '32Mi' && !condition('PodResizeInProgress'))
  })

  it('that was asked for while no agent was there is decided by the next one', async () => {
    await running()
    await test.stopAgent()
    await resizeTo({ cpu: '1000', memory: '64Mi' })
    await test.start()
    await test.until(() => condition('PodResizePending')?.reason === 'Infeasible')
    expect(web()?.allocatedResources?.['cpu']).toBe('100m')
  })
})

it('makes room for new pods by what was given, not by what is asked for', async () => {
  const cpus = Number(test.client.find(nodes, { name: 'node-1' })!.status!.capacity!['cpu'])
  await running()
  await resizeTo({ cpu: '1000', memory: '64Mi' })
  await test.until(() => condition('PodResizePending'))
  const resources = { requests: { cpu: String(cpus - 0.5) } }
  test.run(
    pod({ metadata: { name: 'next', uid: 'uid-2' }, spec: { containers: [container({ name: 'next', resources })] } }),
  )
  await test.until(() => test.pod('next')?.status?.phase === 'Running')
  expect(test.client.find(pods, key)?.status?.phase).toBe('Running')
})
