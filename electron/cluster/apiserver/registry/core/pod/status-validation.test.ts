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
  expect(errors.map((text) => text.split(': ').slice(0, 2).join(': '))).toEqual(['status.podIPs: Invalid value'])
})

it('keeps an address that was stored before addresses were checked', () => {
  const old = structuredClone(stored)
  old.status!.podIPs = [{ ip: '010.0.0.1' }]
  expect(report({ podIP: '010.0.0.1', podIPs: [{ ip: '010.0.0.1' }], phase: 'Running' }, old)).toEqual([])
  expect(report({ podIPs: [{ ip: 'here' }] })).toEqual([
    'status.podIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ])
})

it('counts generations from nothing, and names conditions where they are', () => {
  const conditions = [{ type: 'a b', status: 'True', observedGeneration: -1 }]
  expect(report({ observedGeneration: -2, conditions }).map((text) => text.split(': ')[0])).toEqual([
    'status.conditions[0].observedGeneration',
    'status.conditions[0].Type',
    'status.observedGeneration',
  ])
})

it('nominates no node for a pod that has one', () => {
  const bound = structuredClone(stored)
  bound.spec!.nodeName = 'one'
  expect(report({ nominatedNodeName: 'two' })).toEqual([])
  expect(report({ nominatedNodeName: 'two' }, bound)).toEqual([
    'status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node',
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

it('follows the rules of a container, then its own policy, then the one of the pod', () => {
  const comesBack = (exitCode: number, container: object, restartPolicy = 'Never') => {
    const old = structuredClone(stored)
    Object.assign(old.spec!, { restartPolicy })
    Object.assign(old.spec!.containers![0]!, container)
    Object.assign(old.status!, { containerStatuses: [{ name: 'app', state: { terminated: { exitCode } } }] })
    return report({ containerStatuses: [{ name: 'app', state: { running: {} } }] }, old).length === 0
  }
  const rules = (operator: string) => ({
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator, values: [42] } }],
  })
  expect([42, 1].map((code) => comesBack(code, rules('In')))).toEqual([true, false])
  expect([42, 1].map((code) => comesBack(code, rules('NotIn')))).toEqual([false, true])
  expect([0, 1].map((code) => comesBack(code, { restartPolicy: 'OnFailure' }))).toEqual([false, true])
  expect(comesBack(1, { restartPolicy: 'Never' }, 'Always')).toBe(false)
  expect(comesBack(0, { name: 'other' }, 'Always')).toBe(false)
})

it('maps extended resources to a claim once each', () => {
  const old = structuredClone(stored)
  old.spec!.containers![0]!.resources = { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } }
  const claim = (extendedResourceClaimStatus: object) => report({ extendedResourceClaimStatus }, old)
  const mapping = { containerName: 'app', resourceName: 'example.com/gpu', requestName: 'a' }
  expect(claim({ requestMappings: [mapping], resourceClaimName: 'c' })).toEqual([])
  const path = 'status.extendedResourceClaimStatus'
  expect(claim({})).toEqual([
    `${path}.requestMappings: Required value: at least one request mapping is required`,
    `${path}.resourceClaimName: Required value`,
  ])
  const wrong = [mapping, mapping, { ...mapping, containerName: 'b' }, { ...mapping, resourceName: 'c' }]
  expect(claim({ requestMappings: wrong, resourceClaimName: 'c' }).map((text) => text.split(': ')[0])).toEqual([
    `${path}.requestMappings[1].containerName`,
    `${path}.requestMappings[1].resourceName`,
    `${path}.requestMappings[1].requestName`,
    `${path}.requestMappings[2].containerName`,
    `${path}.requestMappings[3].resourceName`,
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
  const user = { linux: { uid: -1, gid: 0 } }
  expect(report({ containerStatuses: [{ name: 'app', user }] })).toEqual([
    'status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive',
  ])
})
