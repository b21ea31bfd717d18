import { expect, it } from 'vitest'
import { create, update } from '../../testing/rules.ts'
import { pod } from './index.ts'
import type { Pod, PodStatus } from './types.ts'

const stored: Pod = create<Pod>(pod, {
  metadata: { name: 'web', namespace: 'a' },
  spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'a' }] },
}).object

const report = (status: object, old = stored) =>
  update(pod, old, (object) => Object.assign(object.status!, status as PodStatus), 'status').errors

it('holds one address of each family', () => {
  expect(report({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] })).toEqual([])
  const errors = report({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }] })
  expect(errors.map((text) => text.split(': ').slice(0, 2).join(': '))).toEqual([
    'status.podIPs: Invalid value',
    'status.podIPs[1]: Duplicate value',
  ])
})

it('never brings back a container that ended for good', () => {
  const ended = { containerStatuses: [{ name: 'app', state: { terminated: { exitCode: 0 } } }] }
  const old = structuredClone(stored)
  Object.assign(old.status!, ended)
  expect(report({ containerStatuses: [{ name: 'app', state: { running: {} } }] }, old)).toEqual([
    'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
  ])
})

it('tells of claims and devices that the pod asked for', () => {
  expect(report({ resourceClaimStatuses: [{ name: 'gpu' }] })).toEqual([
    'status.resourceClaimStatuses[0].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`',
  ])
  const device = { name: 'example.com/gpu', resources: [{ resourceID: 'a', health: 'Fine' }] }
  expect(report({ containerStatuses: [{ name: 'app', allocatedResourcesStatus: [device] }] })).toEqual([
    `status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "example.com/gpu": must match one of the container's resource requests`,
    'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
  ])
})
