import { expect, it } from 'vitest'
import { create, update } from '../testing/rules.ts'
import { dropDeallocated } from './claim-status.ts'
import { resourceClaim } from './claim.ts'
import type { Allocation, ClaimStatus, ResourceClaim } from '#shared/kube/devices.ts'

const gpu = { driver: 'gpu.io', pool: 'node-1', device: 'gpu-0' }
const allocation: Allocation = { devices: { results: [{ request: 'gpu', ...gpu }] } }
const consumer = (uid: string) => ({ resource: 'pods', name: uid, uid })

const claim = (status: ClaimStatus = {}, metadata: object = {}): ResourceClaim => ({
  ...create(resourceClaim, {
    metadata: { name: 'c', namespace: 'a', ...metadata },
    spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'c' } }] } },
  }).object,
  status,
})
const written = (old: ResourceClaim, status: ClaimStatus) =>
  update(resourceClaim, old, (changed) => (changed.status = status), 'status').errors

it('takes an allocation of requests that there are, and keeps it', () => {
  expect(written(claim(), { allocation, reservedFor: [consumer('p')], devices: [gpu] })).toEqual([])
  expect(written(claim({ allocation }), { allocation: {} })).toEqual([
    'status.allocation: Invalid value: {}: field is immutable',
  ])
  expect(written(claim({ allocation }), {})).toEqual([])
})

it('forgets what was said of devices that are given back', () => {
  const results = ['a', 'b'].map((device) => ({ request: 'gpu', driver: 'gpu.io', pool: 'n', device }))
  const devices = ['a', 'b'].map((device) => ({ driver: 'gpu.io', pool: 'n', device }))
  const after = (allocation: Allocation | undefined) => {
    const now: ResourceClaim = { status: { devices: [...devices], ...(allocation ? { allocation } : {}) } }
    dropDeallocated(now, { status: { allocation: { devices: { results } }, devices } })
    return now.status?.devices
  }
  expect([after(undefined), after({ devices: { results: results.slice(1) } })]).toEqual([undefined, devices.slice(1)])
})

it('says what is wrong with an allocation', () => {
  const results = [{ request: 'nic', driver: 'gpu.io', pool: '', device: 'G', bindingConditions: ['a'] }]
  const config = [{ source: 'Somewhere', requests: ['nic'] }]
  const errors = written(claim(), { allocation: { devices: { results, config }, nodeSelector: {} as never } })
  expect(errors.map((text) => text.split(':', 2).join(':'))).toEqual([
    'status.allocation.devices.results[0].request: Invalid value',
    'status.allocation.devices.results[0].pool: Required value',
    'status.allocation.devices.results[0].device: Invalid value',
    'status.allocation.devices.results[0].bindingFailureConditions: Invalid value',
    'status.allocation.devices.config[0].source: Unsupported value',
    'status.allocation.devices.config[0].requests[0]: Invalid value',
    'status.allocation.devices.config[0].opaque: Required value',
    'status.allocation.nodeSelector.nodeSelectorTerms: Required value',
  ])
})

it('reserves only what is allocated, and nothing more once it is being deleted', () => {
  expect(written(claim(), { reservedFor: [consumer('p'), { uid: 'p' }] })).toEqual([
    'status.reservedFor[1].resource: Required value',
    'status.reservedFor[1].name: Required value',
    'status.reservedFor[1]: Duplicate value: "p"',
    'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
  ])
  const dying = claim({ allocation, reservedFor: [consumer('p'), consumer('q')] })
  dying.metadata = { ...dying.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }
  expect(written(dying, { allocation, reservedFor: [consumer('q')] })).toEqual([])
  expect(written(dying, { allocation, reservedFor: [consumer('r')] })).toEqual([
    'status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
  ])
})

it('lets drivers tell of devices that are allocated, in order', () => {
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Up',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  const networkData = { interfaceName: 'eth0', ips: ['10.0.0.1/24', '2001:db8::1/64'] }
  const told = { ...gpu, conditions: [condition], data: { a: 1 }, networkData }
  expect(written(claim(), { allocation, devices: [told] })).toEqual([])
  const wrong = {
    ...gpu,
    device: 'gpu-1',
    conditions: [{ ...condition, status: 'Yes', reason: '1', lastTransitionTime: '' }, { type: 'Ready' }],
    data: 'text',
    networkData: { ips: ['10.0.0.1', '2001:db8:0::1/64'] },
  }
  const problems = written(claim(), { allocation, devices: [wrong] }).map((text) =>
    text.replace('status.devices[0]', ''),
  )
  expect(problems).toEqual([
    ': Invalid value: gpu.io/node-1/gpu-1: must be an allocated device in the claim',
    '.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
    '.conditions[0].lastTransitionTime: Required value',
    expect.stringMatching(/^\.conditions\[0\]\.reason: Invalid value: "1": a condition reason must start with/),
    '.conditions[1].type: Duplicate value: "Ready"',
    '.conditions[1].status: Unsupported value: "": supported values: "False", "True", "Unknown"',
    '.conditions[1].lastTransitionTime: Required value',
    '.conditions[1].reason: Required value',
    '.data: Invalid value: "<value omitted>": must be a valid JSON object',
    expect.stringMatching(
      /^\.networkData\.ips\[0\]: Invalid value: "10\.0\.0\.1": must be a valid address in CIDR form/,
    ),
    '.networkData.ips[1]: Invalid value: "2001:db8:0::1/64": must be in canonical form ("2001:db8::1/64")',
  ])
})
