import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pods } from '#shared/kube/resources.ts'
import { container, pod } from './testing/builders.ts'
import { Harness } from './testing/harness.ts'

vi.setConfig({ testTimeout: 30_000 })

let test: Harness
beforeEach(async () => {
  test = await new Harness().start()
})
afterEach(() => test.stop())

const key = { namespace: 'shop', name: 'web-1' }
const status = () => test.pod()?.status
const of = (name: string) =>
  [...(status()?.containerStatuses ?? []), ...(status()?.initContainerStatuses ?? [])].find(
    (each) => each.name === name,
  )
const condition = (type: string) => status()?.conditions?.find((each) => each.type === type)
const runs = (name: string) => of(name)?.state?.running

describe('a container whose end has the whole pod start over', () => {
  const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }]
  const worker = container({ name: 'worker', restartPolicy: 'Never', restartPolicyRules } as object)
  const hooked = container({ name: 'web', lifecycle: { preStop: { exec: { command: ['bye'] } } } })
  const given = pod({
    spec: { restartPolicy: 'Never', initContainers: [container({ name: 'setup' })], containers: [worker, hooked] },
  })

  it('goes through initialization again in the same sandbox, without preStop hooks', async () => {
    test.run(given)
    await test.until(() => of('setup')?.state?.running)
    expect(condition('AllContainersRestarting')?.status).toBe('False')
    test.runtime.exit('setup', 0)
    await test.until(() => runs('worker') && runs('web'))
    const hooks: string[] = []
    test.runtime.onExecSync = (_, command) => {
      hooks.push(command.join(' '))
      return { exitCode: 0 }
    }
    test.runtime.exit('worker', 42)
    await test.until(() => of('setup')?.restartCount === 1 && runs('setup'))
    test.runtime.exit('setup', 0)
    await test.until(() => runs('worker') && runs('web'))
    expect(of('worker')).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 42 } } })
    expect(of('web')).toMatchObject({ restartCount: 1, lastState: { terminated: { reason: 'Completed' } } })
    expect(hooks).toEqual([])
    expect(test.runtime.calls.filter((call) => call.startsWith('sandbox'))).toHaveLength(1)
    expect(status()?.phase).toBe('Running')
  })

  it('backs off when it ends so again and again', async () => {
    test.run({ ...given, spec: { ...given.spec!, initContainers: [], containers: [worker] as never } })
    await test.until(() => runs('worker'))
    test.runtime.exit('worker', 42)
    await test.until(() => of('worker')?.restartCount === 1 && runs('worker'))
    test.runtime.exit('worker', 42)
    await test.until(() => of('worker')?.state?.waiting?.reason === 'CrashLoopBackOff')
    await test.pass(5000)
    expect(of('worker')?.restartCount).toBe(1)
    await test.pass(5000)
    await test.until(() => of('worker')?.restartCount === 2 && runs('worker'))
  })

  it('fails the pod as ever when it ends in another way', async () => {
    test.run({ ...given, spec: { ...given.spec!, initContainers: [], containers: [worker] as never } })
    await test.until(() => runs('worker'))
    test.runtime.exit('worker', 1)
    await test.until(() => status()?.phase === 'Failed')
    expect(condition('AllContainersRestarting')).toMatchObject({ status: 'False', reason: 'PodFailed' })
  })
})

describe('restart rules of a container', () => {
  it('restart it in a pod that is never restarted, which is Running until then', async () => {
    const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [3] } }]
    const retried = container({ name: 'web', restartPolicy: 'Never', restartPolicyRules } as object)
    test.run(pod({ spec: { restartPolicy: 'Never', containers: [retried] } }))
    await test.until(() => runs('web'))
    test.runtime.exit('web', 3)
    await test.until(() => of('web')?.restartCount === 1 && runs('web'))
    expect(status()?.phase).toBe('Running')
    test.runtime.exit('web', 4)
    await test.until(() => status()?.phase === 'Failed')
  })

  it('retry an init container of such a pod', async () => {
    const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [1] } }]
    const setup = container({ name: 'setup', restartPolicy: 'Never', restartPolicyRules } as object)
    test.run(pod({ spec: { restartPolicy: 'Never', initContainers: [setup] } }))
    await test.until(() => runs('setup'))
    test.runtime.exit('setup', 2)
    await test.until(() => of('setup')?.restartCount === 1 && runs('setup'))
    expect(status()?.phase).toBe('Pending')
    test.runtime.exit('setup', 1)
    await test.until(() => status()?.phase === 'Failed')
  })
})

describe('hooks', () => {
  it('of tcpSocket fail, as on every kubelet', async () => {
    const lifecycle = { postStart: { tcpSocket: { port: 80 } } }
    test.run(pod({ containers: [{ lifecycle } as object] }))
    await test.until(() => of('web')?.lastState?.terminated)
    expect(test.message('FailedPostStartHook')).toBe('PostStartHook failed')
  })

  it('that fail after the start end the container with its preStop hook and its grace', async () => {
    const commands: string[] = []
    test.runtime.onExecSync = (_, command) => {
      commands.push(command.join(' '))
      return { exitCode: command[0] === 'hello' ? 1 : 0 }
    }
    const lifecycle = { postStart: { exec: { command: ['hello'] } }, preStop: { exec: { command: ['bye'] } } }
    test.run(pod({ containers: [{ lifecycle }], spec: { terminationGracePeriodSeconds: 7 } }))
    await test.until(() => test.runtime.calls.includes('stop web 7'))
    expect(commands.slice(0, 2)).toEqual(['hello', 'bye'])
    expect(test.message('Killing')).toBe('FailedPostStartHook')
  })

  it('that sleep take from the grace what they sleep', async () => {
    const lifecycle = { preStop: { sleep: { seconds: 4 } } }
    test.run(pod({ containers: [{ lifecycle }], spec: { terminationGracePeriodSeconds: 10 } }))
    await test.until(() => runs('web'))
    await test.client.delete(pods, key, { gracePeriodSeconds: 10 })
    await test.until(() => test.message('Killing'))
    await test.pass(4000)
    await test.until(() => test.runtime.calls.some((call) => call.startsWith('stop web')))
    expect(test.runtime.calls).toContain('stop web 6')
  })
})

describe('sidecars', () => {
  it('let a Job pod complete when its main container has, and are ended in reverse order', async () => {
    const sidecar = (name: string) => container({ name, restartPolicy: 'Always' })
    test.run(pod({ spec: { restartPolicy: 'Never', initContainers: [sidecar('first'), sidecar('second')] } }))
    await test.until(() => runs('web'))
    expect(test.runtime.calls.filter((call) => call.startsWith('start '))).toEqual([
      'start first',
      'start second',
      'start web',
    ])
    test.runtime.exit('web', 0)
    await test.until(() => status()?.phase === 'Succeeded')
    const stops = test.runtime.calls.filter((call) => call.startsWith('stop ')).map((call) => call.split(' ')[1])
    expect(stops).toEqual(['second', 'first'])
    expect(condition('Initialized')).toMatchObject({ status: 'True', reason: 'PodCompleted' })
  })
})

it('gives the containers of a pod 12 KiB for their last words, in equal parts', async () => {
  const names = ['a', 'b', 'c', 'd']
  test.run(pod({ spec: { restartPolicy: 'Never' }, containers: names.map((name) => ({ name })) }))
  await test.until(() => names.every(runs))
  for (const name of names) {
    const mount = test.runtime
      .container(name)
      .config.mounts.find(({ containerPath }) => containerPath === '/dev/termination-log')!
    await writeFile(mount.hostPath, 'x'.repeat(5000))
    test.runtime.exit(name, 1)
  }
  await test.until(() => status()?.phase === 'Failed')
  expect(of('a')?.state?.terminated?.message).toHaveLength(3072)
})
