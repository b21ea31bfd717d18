import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { summarizePod } from './pod.ts'

const status = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus =>
  ({ name, ready: false, restartCount: 0, image: '', imageID: '', ...more }) as ContainerStatus
const running = (name: string, restartCount = 0) =>
  status(name, { ready: true, started: true, restartCount, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } })
const waiting = (name: string, reason: string) => status(name, { state: { waiting: { reason } } })
const ended = (name: string, exitCode: number, more: object = {}) =>
  status(name, { state: { terminated: { exitCode, ...more } } })

interface Parts {
  init?: { name: string; restartPolicy?: string }[]
  inits?: ContainerStatus[]
  containers?: ContainerStatus[]
  phase?: string
  more?: Pod['status']
  deleted?: boolean
}

function pod({ init = [], inits = [], containers = [], phase = 'Running', more = {}, deleted = false }: Parts): Pod {
  return {
    metadata: deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {},
    spec: { initContainers: init, containers: containers.map(({ name }) => ({ name })) },
    status: { phase, initContainerStatuses: inits, containerStatuses: containers, ...more },
  } as Pod
}

describe('the status of a pod', () => {
  const word = (parts: Parts) => summarizePod(pod(parts)).status
  it('is its phase where nothing tells more', () => expect(word({ phase: 'Pending' })).toBe('Pending'))
  it('is what its first container waits for', () => {
    expect(word({ containers: [waiting('a', 'CrashLoopBackOff'), waiting('b', 'ImagePullBackOff')] })).toBe(
      'CrashLoopBackOff',
    )
  })
  it('is how a container ended', () => {
    expect(word({ containers: [ended('a', 1, { reason: 'Error' })] })).toBe('Error')
    expect(word({ containers: [ended('a', 3)] })).toBe('ExitCode:3')
    expect(word({ containers: [ended('a', 137, { signal: 9 })] })).toBe('Signal:9')
  })
  it('is Running while another container runs on and the pod is ready', () => {
    const containers = [ended('a', 0, { reason: 'Completed' }), running('b')]
    expect(word({ containers, more: { conditions: [{ type: 'Ready', status: 'True' }] } })).toBe('Running')
    expect(word({ containers })).toBe('NotReady')
  })
  it('counts init containers', () => {
    const init = [{ name: 'i' }, { name: 'j' }]
    expect(word({ init, inits: [ended('i', 0), waiting('j', 'PodInitializing')], phase: 'Pending' })).toBe('Init:1/2')
    expect(word({ init, inits: [waiting('i', 'ImagePullBackOff')], phase: 'Pending' })).toBe('Init:ImagePullBackOff')
    expect(word({ init, inits: [ended('i', 1, { reason: 'Error' })], phase: 'Pending' })).toBe('Init:Error')
  })
  it('is Terminating once it is deleted, unless it has ended', () => {
    expect(word({ containers: [running('a')], deleted: true })).toBe('Terminating')
    expect(word({ phase: 'Succeeded', containers: [ended('a', 0, { reason: 'Completed' })], deleted: true })).toBe(
      'Completed',
    )
  })
  it('is Unknown when its node is lost', () => {
    expect(word({ containers: [running('a')], deleted: true, more: { reason: 'NodeLost' } })).toBe('Unknown')
  })
  it('says that gates hold it back', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }]
    expect(word({ phase: 'Pending', more: { conditions } })).toBe('SchedulingGated')
  })
})

describe('counts of a pod', () => {
  it('include sidecars', () => {
    const init = [{ name: 's', restartPolicy: 'Always' }, { name: 'i' }]
    const summary = summarizePod(
      pod({ init, inits: [running('s', 2), ended('i', 0)], containers: [running('a', 3), waiting('b', 'x')] }),
    )
    expect(summary).toMatchObject({ ready: 2, total: 3, restarts: 5 })
  })
  it('forget the restarts of init containers once these are through', () => {
    const before = pod({
      init: [{ name: 'i' }],
      inits: [status('i', { restartCount: 4, state: { running: {} } })],
      phase: 'Pending',
    })
    expect(summarizePod(before).restarts).toBe(4)
    const after = pod({
      init: [{ name: 'i' }],
      inits: [{ ...ended('i', 0), restartCount: 4 }],
      containers: [running('a')],
    })
    expect(summarizePod(after).restarts).toBe(0)
  })
  it('know the latest restart', () => {
    const at = (finishedAt: string) => ({ lastState: { terminated: { exitCode: 1, finishedAt } } })
    const containers = [
      { ...running('a', 1), ...at('2026-01-01T00:00:01Z') },
      { ...running('b', 1), ...at('2026-01-01T00:00:05Z') },
    ]
    expect(summarizePod(pod({ containers })).lastRestart).toBe('2026-01-01T00:00:05Z')
  })
})
