import { describe, expect, it } from 'vitest'
import { container, exited, pod, running, runtimeOf, sandbox } from '../testing/builders.ts'
import { emptyRuntime } from '../types.ts'
import type { ProbeResults } from './actions.ts'
import { computePodActions } from './pod-actions.ts'

const noProbes: ProbeResults = { liveness: () => undefined, startup: () => undefined }
const sidecar = container({ name: 'proxy', restartPolicy: 'Always' })
const init = container({ name: 'setup' })

describe('a new pod', () => {
  it('gets a sandbox and all its containers', () => {
    const two = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
    expect(computePodActions(two, emptyRuntime, noProbes)).toMatchObject({
      killPod: true,
      createSandbox: true,
      sandboxId: undefined,
      attempt: 0,
      start: ['a', 'b'],
    })
  })

  it('starts with the first init container and nothing else', () => {
    const withInit = pod({ spec: { initContainers: [init, container({ name: 'migrate' })] } })
    expect(computePodActions(withInit, emptyRuntime, noProbes)).toMatchObject({
      createSandbox: true,
      init: ['setup'],
      start: [],
    })
  })
})

describe('a running pod', () => {
  it('is left alone, so that a restarted agent touches nothing', () => {
    expect(computePodActions(pod(), runtimeOf([running()]), noProbes)).toMatchObject({
      killPod: false,
      createSandbox: false,
      kill: [],
      init: [],
      start: [],
    })
  })

  it('starts a container again that has exited, by its restart policy', () => {
    const cases = [
      ['Always', 0, ['web']],
      ['Always', 1, ['web']],
      ['OnFailure', 0, []],
      ['OnFailure', 1, ['web']],
      ['Never', 1, []],
    ] as const
    for (const [restartPolicy, exitCode, start] of cases) {
      const actions = computePodActions(
        pod({ spec: { restartPolicy } }),
        runtimeOf([exited('web', exitCode)]),
        noProbes,
      )
      expect([restartPolicy, exitCode, actions.start]).toEqual([restartPolicy, exitCode, start])
      expect(actions.killPod).toBe(start.length === 0)
    }
  })

  it('keeps a pod of restart policy Never while one of its containers still runs', () => {
    const two = pod({ spec: { restartPolicy: 'Never' }, containers: [{ name: 'a' }, { name: 'b' }] })
    const actions = computePodActions(two, runtimeOf([exited('a'), running('b')]), noProbes)
    expect(actions).toMatchObject({ killPod: false, start: [] })
  })

  it('obeys the restart rules of a container before the policy of the pod', () => {
    const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }]
    const never = pod({
      spec: { restartPolicy: 'Never' },
      containers: [{ restartPolicy: 'Never', restartPolicyRules }],
    })
    expect(computePodActions(never, runtimeOf([exited('web', 42)]), noProbes).start).toEqual(['web'])
    expect(computePodActions(never, runtimeOf([exited('web', 1)]), noProbes).start).toEqual([])
  })

  it('starts over as a whole when a rule of a container says so', () => {
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }]
    const spec = { restartPolicy: 'Never' }
    const both = [{ name: 'web', restartPolicyRules }, { name: 'side' }]
    const given = pod({ spec: { ...spec, containers: both.map((each) => container(each)) } })
    const actions = (code: number) =>
      computePodActions(given, runtimeOf([exited('web', code), running('side')]), noProbes)
    expect(actions(42)).toMatchObject({ restartAll: 'web', killPod: false, start: [] })
    expect(actions(1).restartAll).toBeUndefined()
  })

  it('is resized without a restart, or with one where the policy of the resource says so', () => {
    const resources = { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1', memory: '1Mi' } }
    const has = { cpuLimitMilli: 500, cpuRequestMilli: 1000, memoryLimitBytes: 1024 ** 2 }
    const actions = (changes: object) =>
      computePodActions(
        pod({ containers: [{ resources, ...changes }] }),
        runtimeOf([running('web', { resources: has })]),
        noProbes,
      )
    expect(actions({})).toMatchObject({
      update: [{ id: 'web-id', name: 'web', resources: { ...has, cpuLimitMilli: 1000 } }],
      kill: [],
    })
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]
    expect(actions({ resizePolicy })).toMatchObject({
      update: [],
      kill: [{ message: 'Container web resize requires restart' }],
      start: ['web'],
    })
  })

  it('kills a container whose liveness probe failed and starts it again', () => {
    const probes: ProbeResults = { ...noProbes, liveness: (id) => id !== 'web-id' }
    expect(computePodActions(pod(), runtimeOf([running()]), probes)).toMatchObject({
      kill: [
        { id: 'web-id', message: 'Container web failed liveness probe, will be restarted', reason: 'livenessProbe' },
      ],
      start: ['web'],
    })
  })

  it('kills but does not restart after a failed liveness probe under restart policy Never', () => {
    const probes: ProbeResults = { ...noProbes, liveness: () => false }
    const actions = computePodActions(pod({ spec: { restartPolicy: 'Never' } }), runtimeOf([running()]), probes)
    expect(actions).toMatchObject({ killPod: true, start: [] })
  })

  it('replaces a container whose image was changed, whatever the restart policy', () => {
    const changed = pod({ spec: { restartPolicy: 'Never' }, containers: [{ image: 'shop/web:2' }] })
    expect(computePodActions(changed, runtimeOf([running()]), noProbes)).toMatchObject({
      kill: [{ message: 'Container web definition changed, will be restarted' }],
      start: ['web'],
    })
  })

  it('does not take a written-out image name for a change', () => {
    const short = pod({ containers: [{ image: 'busybox' }] })
    const full = runtimeOf([running('web', { image: 'docker.io/library/busybox:latest' })])
    expect(computePodActions(short, full, noProbes).kill).toEqual([])
  })

  it('kills a container in an unknown state before it starts another', () => {
    const actions = computePodActions(pod(), runtimeOf([running('web', { state: 'unknown' })]), noProbes)
    expect(actions).toMatchObject({ kill: [{ id: 'web-id' }], start: ['web'] })
  })

  it('starts an ephemeral container once and never again', () => {
    const debugged = pod({ spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } })
    expect(computePodActions(debugged, runtimeOf([running()]), noProbes).ephemeral).toEqual(['debug'])
    expect(computePodActions(debugged, runtimeOf([exited('debug'), running()]), noProbes).ephemeral).toEqual([])
  })
})

describe('after the sandbox is gone', () => {
  const lost = [sandbox({ state: 'notready' })]

  it('makes another with the next attempt and starts what exited with it', () => {
    expect(computePodActions(pod(), runtimeOf([exited('web', 255)], lost), noProbes)).toMatchObject({
      killPod: true,
      createSandbox: true,
      sandboxId: 's1',
      attempt: 1,
      start: ['web'],
    })
  })

  it('goes through initialization again', () => {
    const withInit = pod({ spec: { initContainers: [init] } })
    const actions = computePodActions(withInit, runtimeOf([exited('web', 255), exited('setup', 0)], lost), noProbes)
    expect(actions).toMatchObject({ createSandbox: true, init: ['setup'], start: [] })
  })

  it('does not take a container of the old sandbox for the end of initialization', () => {
    const withInit = pod({ spec: { initContainers: [init] } })
    const fresh = [sandbox({ id: 's2', attempt: 1 }), ...lost]
    const setup = exited('setup', 0, { id: 'setup-2', sandboxId: 's2' })
    const during = computePodActions(withInit, runtimeOf([exited('web', 255)], fresh), noProbes)
    expect(during).toMatchObject({ createSandbox: false, init: ['setup'], start: [] })
    expect(computePodActions(withInit, runtimeOf([setup, exited('web', 255)], fresh), noProbes).start).toEqual(['web'])
  })

  it('makes none for a pod of restart policy Never that has run', () => {
    const never = pod({ spec: { restartPolicy: 'Never' } })
    expect(computePodActions(never, runtimeOf([exited('web', 255)], lost), noProbes)).toMatchObject({
      createSandbox: false,
      start: [],
    })
  })

  it('does not run a container again that had succeeded under OnFailure', () => {
    const jobs = pod({ spec: { restartPolicy: 'OnFailure' }, containers: [{ name: 'a' }, { name: 'b' }] })
    const actions = computePodActions(jobs, runtimeOf([exited('a', 0), exited('b', 255)], lost), noProbes)
    expect(actions).toMatchObject({ createSandbox: true, start: ['b'] })
  })
})

describe('init containers', () => {
  const two = pod({ spec: { initContainers: [init, container({ name: 'migrate' })] } })

  it('run one after the other', () => {
    expect(computePodActions(two, runtimeOf([running('setup')]), noProbes)).toMatchObject({ init: [], start: [] })
    expect(computePodActions(two, runtimeOf([exited('setup', 0)]), noProbes)).toMatchObject({
      init: ['migrate'],
      start: [],
    })
    expect(computePodActions(two, runtimeOf([exited('migrate', 0), exited('setup', 0)]), noProbes)).toMatchObject({
      init: [],
      start: ['web'],
    })
  })

  it('are tried again when they fail, unless the pod is never restarted', () => {
    expect(computePodActions(two, runtimeOf([exited('setup', 1)]), noProbes).init).toEqual(['setup'])
    const never = { ...two, spec: { ...two.spec!, restartPolicy: 'Never' } }
    expect(computePodActions(never, runtimeOf([exited('setup', 1)]), noProbes)).toMatchObject({
      killPod: true,
      init: [],
    })
  })

  it('do not run again once a regular container was there, even when they have been removed', () => {
    expect(computePodActions(two, runtimeOf([running('web')]), noProbes).init).toEqual([])
  })
})

describe('sidecars', () => {
  const beside = pod({ spec: { initContainers: [sidecar, init] } })

  it('let the next init container start while they run', () => {
    expect(computePodActions(beside, runtimeOf([running('proxy')]), noProbes)).toMatchObject({
      init: ['setup'],
      start: [],
    })
  })

  it('hold the next init container back until their startup probe succeeds', () => {
    const slow = pod({
      spec: { initContainers: [{ ...sidecar, startupProbe: { exec: { command: ['true'] } } }, init] },
    })
    const runtime = runtimeOf([running('proxy')])
    expect(computePodActions(slow, runtime, noProbes).init).toEqual([])
    expect(computePodActions(slow, runtime, { ...noProbes, startup: () => true }).init).toEqual(['setup'])
  })

  it('are started again when they exit, beside running containers', () => {
    const actions = computePodActions(
      beside,
      runtimeOf([running('web'), exited('setup', 0), exited('proxy', 0)]),
      noProbes,
    )
    expect(actions).toMatchObject({ init: ['proxy'], start: [], killPod: false })
  })

  it('do not keep a pod alive whose regular containers have ended', () => {
    const job = pod({ spec: { restartPolicy: 'Never', initContainers: [sidecar] } })
    const actions = computePodActions(job, runtimeOf([exited('web', 0), running('proxy')]), noProbes)
    expect(actions).toMatchObject({ killPod: true, createSandbox: false, init: [] })
  })
})
