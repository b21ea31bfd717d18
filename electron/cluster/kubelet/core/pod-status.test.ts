import { describe, expect, it } from 'vitest'
import { container, exited, pod, running, runtimeOf, sandbox } from '../testing/builders.ts'
import { emptyRuntime, type Pod, type PodRuntime } from '../types.ts'
import { podStatus, type PodStatusInput } from './pod-status.ts'

function statusOf(of: Pod, runtime: PodRuntime, overrides: Partial<PodStatusInput> = {}) {
  return podStatus(of, {
    runtime,
    previous: of.status ?? {},
    waiting: new Map(),
    runtimeName: 'fake',
    isStarted: () => true,
    isReady: () => true,
    hostIp: '192.168.0.2',
    startTime: '2026-01-01T00:00:00Z',
    ended: false,
    ...overrides,
  })
}

const condition = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions?.find((one) => one.type === type)

describe('phase', () => {
  const phase = (of: Pod, runtime: PodRuntime, overrides?: Partial<PodStatusInput>) =>
    statusOf(of, runtime, overrides).phase

  it('is Pending until all containers have been started', () => {
    const two = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
    expect(phase(two, emptyRuntime)).toBe('Pending')
    expect(phase(two, runtimeOf([running('a')]))).toBe('Pending')
    expect(phase(two, runtimeOf([running('b'), running('a')]))).toBe('Running')
  })

  it('stays Running between the restarts of a crashing container', () => {
    const waiting = new Map([['web', { reason: 'CrashLoopBackOff', message: 'back-off' }]])
    expect(phase(pod(), runtimeOf([exited()]), { waiting })).toBe('Running')
  })

  it('follows the exit codes when nothing is restarted', () => {
    const never = pod({ spec: { restartPolicy: 'Never' }, containers: [{ name: 'a' }, { name: 'b' }] })
    expect(phase(never, runtimeOf([exited('a', 0), exited('b', 0)]))).toBe('Succeeded')
    expect(phase(never, runtimeOf([exited('a', 0), exited('b', 3)]))).toBe('Failed')
    expect(phase(never, runtimeOf([exited('a', 3), running('b')]))).toBe('Running')
  })

  it('is Failed when an init container fails for good', () => {
    const never = pod({ spec: { restartPolicy: 'Never', initContainers: [container({ name: 'setup' })] } })
    expect(phase(never, runtimeOf([exited('setup', 1)]))).toBe('Failed')
  })

  it('leaves what would have come after a failed initialization waiting', () => {
    const never = pod({
      spec: {
        restartPolicy: 'Never',
        initContainers: [container({ name: 'first' }), container({ name: 'second' }), container({ name: 'third' })],
      },
    })
    const gone = runtimeOf([exited('second', 1), exited('first', 0)], [sandbox({ state: 'notready' })])
    const status = statusOf(never, gone, { ended: true })
    expect(status.phase).toBe('Failed')
    expect(status.initContainerStatuses?.map(({ ready }) => ready)).toEqual([true, false, false])
    expect(status.initContainerStatuses?.[2]?.state?.waiting?.reason).toBe('PodInitializing')
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing')
    expect(status.conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [second third]',
    })
    const unseen = statusOf(never, runtimeOf([exited('third', 0)]), { ended: true })
    expect(unseen.containerStatuses?.[0]?.state?.terminated?.reason).toBe('ContainerStatusUnknown')
  })

  it('does not leave a terminal phase, whatever runs', () => {
    expect(phase(pod({ status: { phase: 'Failed', reason: 'Evicted' } }), runtimeOf([running()]))).toBe('Failed')
  })

  it('ends by the exit codes when a pod is deleted, and blames containers whose end nobody saw', () => {
    expect(phase(pod(), runtimeOf([exited('web', 0)], [sandbox({ state: 'notready' })]), { ended: true })).toBe(
      'Succeeded',
    )
    const unseen = statusOf(pod(), emptyRuntime, { ended: true })
    expect(unseen.phase).toBe('Failed')
    expect(unseen.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    })
  })
})

describe('conditions', () => {
  it('are all true for a pod that is ready, with the generation they speak of', () => {
    const status = statusOf(
      pod({ metadata: { name: 'web', namespace: 'shop', uid: 'u', generation: 3 } }),
      runtimeOf([running()]),
    )
    expect(status.observedGeneration).toBe(3)
    expect(status.conditions).toEqual(
      ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        observedGeneration: 3,
      })),
    )
  })

  it('say which containers are not ready, in upstream words', () => {
    const two = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
    const status = statusOf(two, runtimeOf([running('a'), running('b')]), { isReady: ({ name }) => name === 'a' })
    expect(condition(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [b]',
    })
  })

  it('wait for readiness gates that others write', () => {
    const gated = (conditions: { type: string; status: string }[]) =>
      pod({ spec: { readinessGates: [{ conditionType: 'example.com/lb' }] }, status: { conditions } })
    const before = statusOf(gated([]), runtimeOf([running()]))
    expect(condition(before, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
    })
    const after = statusOf(gated([{ type: 'example.com/lb', status: 'True' }]), runtimeOf([running()]))
    expect(condition(after, 'Ready')?.status).toBe('True')
    expect(condition(after, 'example.com/lb')?.status).toBe('True')
  })

  it('keep Initialized true when a sidecar restarts later', () => {
    const beside = pod({ spec: { initContainers: [container({ name: 'proxy', restartPolicy: 'Always' })] } })
    const status = statusOf(beside, runtimeOf([running('web'), exited('proxy')]))
    expect(condition(status, 'Initialized')?.status).toBe('True')
    expect(condition(status, 'Ready')?.status).toBe('False')
  })

  it('say PodCompleted when a pod has succeeded', () => {
    const never = pod({ spec: { restartPolicy: 'Never' } })
    expect(condition(statusOf(never, runtimeOf([exited('web', 0)])), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    })
  })
})

describe('container statuses', () => {
  it('count restarts by the runs of the runtime and keep the run before', () => {
    const runs = [running('web', { id: 'new', attempt: 4 }), exited('web', 1, { id: 'old', attempt: 3 })]
    expect(statusOf(pod(), runtimeOf(runs)).containerStatuses?.[0]).toMatchObject({
      restartCount: 4,
      containerID: 'fake://new',
      state: { running: {} },
      lastState: { terminated: { exitCode: 1, reason: 'Error', containerID: 'fake://old' } },
      ready: true,
      started: true,
    })
  })

  it('show a crashing container as waiting, its end as the last state', () => {
    const message = 'back-off 10s restarting failed container=web'
    const waiting = new Map([['web', { reason: 'CrashLoopBackOff', message }]])
    expect(statusOf(pod(), runtimeOf([exited()]), { waiting }).containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff', message } },
      lastState: { terminated: { exitCode: 1 } },
      ready: false,
    })
  })

  it('count a restart for a container that was lost with its node', () => {
    const before = {
      name: 'web',
      image: 'i',
      imageID: '',
      ready: true,
      restartCount: 2,
      state: { running: {} },
      containerID: 'fake://gone',
    }
    const status = statusOf(pod({ status: { phase: 'Running', containerStatuses: [before] } }), emptyRuntime)
    expect(status.containerStatuses?.[0]).toMatchObject({
      restartCount: 3,
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } },
    })
    expect(status.phase).toBe('Running')
  })

  it('put the message of the container behind that of the runtime', () => {
    const run = { ...exited('web', 1, { message: 'killed' }), terminationMessage: 'out of ideas' }
    const state = statusOf(pod({ spec: { restartPolicy: 'Never' } }), runtimeOf([run])).containerStatuses?.[0]?.state
    expect(state?.terminated?.message).toBe('killed: out of ideas')
  })

  it('tell of mounts whether they are read-only all the way down', () => {
    const volumeMounts = ['Enabled', 'IfPossible', 'Disabled'].map((recursiveReadOnly) => ({
      name: recursiveReadOnly,
      mountPath: '/',
      readOnly: true,
      recursiveReadOnly,
    }))
    const told = (recursiveReadOnly: boolean) =>
      statusOf(pod({ containers: [{ volumeMounts }] }), runtimeOf([running()]), {
        recursiveReadOnly,
      }).containerStatuses?.[0]?.volumeMounts?.map((mount) => mount.recursiveReadOnly)
    expect(told(true)).toEqual(['Enabled', 'Enabled', 'Disabled'])
    expect(told(false)).toEqual(['Disabled', 'Disabled', 'Disabled'])
  })

  it('tell whom a container runs as, where the runtime does', () => {
    const user = { uid: 1000, gid: 1000, supplementalGroups: [1000, 2000] }
    expect(statusOf(pod(), runtimeOf([running('web', { user })])).containerStatuses?.[0]).toMatchObject({
      user: { linux: user },
    })
  })

  it('sort regular containers by name and keep init containers in order', () => {
    const many = pod({
      containers: [{ name: 'b' }, { name: 'a' }],
      spec: { initContainers: [container({ name: 'z' }), container({ name: 'y' })] },
    })
    const status = statusOf(many, emptyRuntime)
    expect(status.containerStatuses?.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(status.initContainerStatuses?.map(({ name }) => name)).toEqual(['z', 'y'])
    expect(status.initContainerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing')
  })
})

it('calls pods by the QoS class that their resources make', () => {
  const qos = (resources: object, more: object = resources) =>
    statusOf(pod({ containers: [{ resources }, { name: 'b', resources: more }] }), emptyRuntime).qosClass
  expect(qos({})).toBe('BestEffort')
  expect(qos({ requests: { cpu: '1' } })).toBe('Burstable')
  const full = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1024Mi' } }
  expect(qos(full)).toBe('Guaranteed')
  expect(qos(full, {})).toBe('Burstable')
})
