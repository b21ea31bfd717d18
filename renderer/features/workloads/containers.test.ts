// @vitest-environment node
import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { containersOf } from './containers.ts'

const pod = (status: object): Pod => ({
  spec: {
    containers: [
      { name: 'app', image: 'app:v1', readinessProbe: { httpGet: { port: 'http', path: '/ready' }, periodSeconds: 5 } },
    ],
  },
  status: {
    containerStatuses: [{ name: 'app', image: 'app:v1', imageID: '', ready: false, restartCount: 3, ...status }],
  },
})
const only = (status: object) => containersOf(pod(status)).main[0]!

it('tells what a crashing container says, and how it ended last', () => {
  const view = only({
    state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  })
  expect(view).toMatchObject({
    tone: 'bad',
    word: 'CrashLoopBackOff',
    message: 'back-off 40s',
    restarts: 3,
    lastEnd: { reason: 'OOMKilled', code: 137 },
  })
})

it('is calm about a container that only starts', () => {
  expect(only({ state: { waiting: { reason: 'ContainerCreating' } } }).tone).toBe('busy')
})

it('tells running from ready, and a good end from a bad one', () => {
  expect(only({ state: { running: {} } })).toMatchObject({ tone: 'warn', word: 'Running' })
  expect(only({ ready: true, state: { running: {} } }).tone).toBe('ok')
  expect(only({ state: { terminated: { exitCode: 0 } } })).toMatchObject({ tone: 'off', word: 'Completed' })
  expect(only({ state: { terminated: { exitCode: 2 } } })).toMatchObject({ tone: 'bad', word: 'Error' })
})

it('shows a container that the kubelet has not reported yet', () => {
  const { main } = containersOf({ spec: { containers: [{ name: 'app', image: 'x' }] } })
  expect(main).toMatchObject([{ name: 'app', word: 'Waiting', restarts: 0 }])
})

it('puts a probe in a few words', () => {
  expect(only({}).probes).toEqual([{ kind: 'readiness', text: 'http :http/ready', seconds: 5 }])
})
