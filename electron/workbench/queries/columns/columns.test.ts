import type { Deployment } from 'kubernetes-types/apps/v1'
import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { RowShape } from '../record.ts'
import { nodes } from './nodes.ts'
import { pods } from './pods.ts'
import { secrets } from './config.ts'
import { deployments } from './workloads.ts'

const show = (shape: RowShape, object: object) => {
  const cells = shape.cells(object)
  return { ...Object.fromEntries(shape.columns.map(({ id }, i) => [id, cells[i]])), tone: shape.tone(object) }
}
const running = { state: { running: {} }, image: '', imageID: '', name: 'c', restartCount: 2 }
const pod = (status: Pod['status'], metadata: Pod['metadata'] = {}): Pod => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
  ...(status ? { status } : {}),
})

describe('a pod', () => {
  it('that runs and is ready is fine; one that runs and is not is a warning', () => {
    expect(show(pods, pod({ phase: 'Running', containerStatuses: [{ ...running, ready: true }] }))).toMatchObject({
      status: 'Running',
      ready: '1/1',
      restarts: 2,
      tone: 'ok',
    })
    expect(show(pods, pod({ phase: 'Running', containerStatuses: [{ ...running, ready: false }] }))).toMatchObject({
      status: 'Running',
      tone: 'warn',
    })
  })

  it('that crashes is bad, with the reason as its word', () => {
    const crashing = { ...running, ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }
    expect(show(pods, pod({ phase: 'Running', containerStatuses: [crashing] }))).toMatchObject({
      status: 'CrashLoopBackOff',
      tone: 'bad',
    })
  })

  it('that no node takes is a warning, one that is merely new is busy', () => {
    expect(show(pods, pod({ phase: 'Pending' })).tone).toBe('busy')
    expect(show(pods, pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] })).tone).toBe(
      'warn',
    )
  })

  it('that goes is Terminating, whatever its phase', () => {
    expect(show(pods, pod({ phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toMatchObject({
      status: 'Terminating',
      tone: 'busy',
    })
  })
})

describe('a deployment', () => {
  const deployment = (status: Deployment['status'], spec = {}): Deployment => ({
    metadata: { generation: 2 },
    spec: { replicas: 3, selector: {}, template: {}, ...spec },
    status: { observedGeneration: 2, ...status },
  })
  const done = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 }

  it.each([
    ['Available', 'ok', deployment(done)],
    ['Rolling out', 'busy', deployment({ ...done, updatedReplicas: 1 })],
    ['Rolling out', 'busy', deployment({ ...done, replicas: 4 })],
    ['Rolling out', 'busy', deployment({ ...done, observedGeneration: 1 })],
    [
      'Stalled',
      'bad',
      deployment({
        ...done,
        updatedReplicas: 1,
        conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
      }),
    ],
    ['Paused', 'warn', deployment(done, { paused: true })],
    ['Scaled to 0', 'off', deployment({}, { replicas: 0 })],
  ])('is %s (%s)', (status, tone, object) => {
    expect(show(deployments, object)).toMatchObject({ status, tone })
  })
})

it('shows the keys of a secret and none of its values', () => {
  const shown = show(secrets, { metadata: { name: 's' }, type: 'Opaque', data: { password: 'c2VjcmV0' } })
  expect(shown).toMatchObject({ keys: 'password' })
  expect(JSON.stringify(shown)).not.toContain('c2VjcmV0')
})

it('shows a cordoned node as such although it is ready', () => {
  const node = {
    metadata: {},
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
  expect(show(nodes, node)).toMatchObject({ status: 'Ready, cordoned', tone: 'warn' })
})
