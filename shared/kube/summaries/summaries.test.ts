import { expect, it } from 'vitest'
import { jobStatus } from './job.ts'
import { nodeRoles, nodeStatus } from './node.ts'
import { summarizeDeployment } from './workloads.ts'

const start = '2026-01-01T00:00:00Z'

it('a cordoned node says so behind its readiness', () => {
  const conditions = [{ type: 'Ready', status: 'True' }]
  expect(nodeStatus({ status: { conditions } })).toBe('Ready')
  expect(nodeStatus({ spec: { unschedulable: true }, status: { conditions } })).toBe('Ready,SchedulingDisabled')
  expect(nodeStatus({ status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } })).toBe('NotReady')
  expect(nodeStatus({})).toBe('Unknown')
})

it('roles of a node come from both sorts of labels', () => {
  const labels = { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge', other: 'x' }
  expect(nodeRoles({ metadata: { labels } })).toBe('edge,worker')
  expect(nodeRoles({})).toBe('<none>')
})

it('a job that is complete is so even while it is deleted', () => {
  const complete = [{ type: 'Complete', status: 'True' }]
  const metadata = { deletionTimestamp: start }
  expect(jobStatus({ metadata, status: { conditions: complete } })).toBe('Complete')
  expect(jobStatus({ metadata })).toBe('Terminating')
  expect(jobStatus({ status: { conditions: [{ type: 'Suspended', status: 'True' }] } })).toBe('Suspended')
})

it('a deployment that has not been seen yet is ready with none', () => {
  expect(summarizeDeployment({ spec: { replicas: 3 } })).toMatchObject({ ready: '0/3', updated: 0, available: 0 })
})
