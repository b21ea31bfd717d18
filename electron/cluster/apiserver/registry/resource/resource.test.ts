import { describe, expect, it } from 'vitest'
import { create } from '../testing/rules.ts'
import { deviceClass, resourceClaim, resourceClaimTemplate } from './claim.ts'
import { resourceSlice } from './slice.ts'
import type { ClaimSpec, Device, SliceSpec } from '#shared/kube/devices.ts'

const fields = (errors: readonly string[]) => errors.map((text) => text.split(':', 2).join(':'))

describe('claims', () => {
  const claim = (devices: NonNullable<ClaimSpec['devices']>) => {
    const requests = [{ name: 'gpu', exactly: { deviceClassName: 'c' } }]
    return create(resourceClaim, {
      metadata: { name: 'c', namespace: 'a' },
      spec: { devices: { requests, ...devices } },
    })
  }
  const at = 'spec.devices'

  it('tolerate by an operator, which is Equal where none is named', () => {
    const requests = [{ name: 'gpu', exactly: { deviceClassName: 'c', tolerations: [{ key: 'k', effect: 'Maybe' }] } }]
    const { object, errors } = claim({ requests })
    expect(object.spec!.devices!.requests![0]!.exactly!.tolerations![0]!.operator).toBe('Equal')
    expect(errors).toEqual([
      `${at}.requests[0].exactly.tolerations[0].effect: Unsupported value: "Maybe": supported values: "NoExecute", "NoSchedule", "None"`,
    ])
  })

  it('constrain requests that there are, by an attribute with its domain', () => {
    const constraints = [{ requests: ['gpu', 'nic'], matchAttribute: 'model' }, {}]
    expect(fields(claim({ constraints }).errors)).toEqual([
      `${at}.constraints[0].requests[1]: Invalid value`,
      `${at}.constraints[0].matchAttribute: Invalid value`,
      `${at}.constraints[1]: Required value`,
    ])
  })

  it('configure drivers with objects', () => {
    const config = [{ opaque: { driver: 'd', parameters: 'text' } }, { opaque: { driver: 'd' } }]
    expect(claim({ config }).errors).toEqual([
      `${at}.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object`,
      `${at}.config[1].opaque.parameters: Required value`,
    ])
  })

  it('name each request once, and not more than 32 of them', () => {
    const request = { name: 'gpu', exactly: { deviceClassName: 'c' } }
    expect(fields(claim({ requests: [request, request] }).errors)).toEqual([`${at}.requests[1]: Duplicate value`])
    const many = Array.from({ length: 33 }, () => ({}))
    expect(fields(claim({ requests: many }).errors)).toEqual([`${at}.requests: Too many`])
  })

  it('of a template get labels and annotations, and nothing else', () => {
    const metadata = { labels: { a: 'b' }, name: 'x', uid: 'y' }
    const { errors } = create(resourceClaimTemplate, { metadata: { name: 't', namespace: 'a' }, spec: { metadata } })
    expect(errors).toEqual([
      'spec.metadata.name: Forbidden: cannot be set',
      'spec.metadata.uID: Forbidden: cannot be set',
    ])
  })
})

it('device classes may stand for an extended resource', () => {
  const errorsOf = (extendedResourceName: string) =>
    create(deviceClass, { metadata: { name: 'c' }, spec: { extendedResourceName } }).errors
  expect(errorsOf('example.com/gpu')).toEqual([])
  expect(errorsOf('cpu')).toHaveLength(1)
})

describe('slices', () => {
  const slice = ({ nodeName = 'n', ...more }: SliceSpec) => {
    const pool = { name: 'p', resourceSliceCount: 1 }
    const spec = more.perDeviceNodeSelection ? more : { nodeName, ...more }
    return create(resourceSlice, { metadata: { name: 's' }, spec: { driver: 'd', pool, ...spec } }).errors
  }
  const device = (more: Device) => slice({ devices: [{ name: 'd', ...more }] })
  const at = 'spec.devices[0]'

  it('are reached from one place', () => {
    expect(fields(slice({ nodeName: '' }))).toEqual(['spec.nodeName: Invalid value', 'spec: Required value'])
    expect(fields(slice({ allNodes: false }))).toEqual(['spec.allNodes: Invalid value'])
    expect(fields(device({ allNodes: true }))).toEqual([`${at}: Invalid value`])
    expect(fields(slice({ perDeviceNodeSelection: true, devices: [{ name: 'd' }] }))).toEqual([`${at}: Required value`])
  })

  it('hold attributes under names that may have a domain', () => {
    const attributes = { '/x': { bool: true }, 'a/b/c': { bool: true }, v: { version: '1.0' }, none: {} }
    expect(fields(device({ attributes }))).toEqual([
      `${at}.attributes: Invalid value`,
      `${at}.attributes: Invalid value`,
      `${at}.attributes[v].version: Invalid value`,
      `${at}.attributes[none]: Invalid value`,
    ])
  })

  it('say which part of its capacity a request may ask for', () => {
    const policy = (requestPolicy: object) =>
      device({ allowMultipleAllocations: true, capacity: { memory: { value: '8', requestPolicy } } })
    const path = `${at}.capacity[memory].requestPolicy`
    expect(policy({ default: '2', validRange: { min: '2', max: '8', step: '2' } })).toEqual([])
    expect(policy({ default: '3', validRange: { min: '2', max: '9', step: '2' } })).toEqual([
      `${path}.validRange.max: Invalid value: "9": max is larger than capacity value: 8`,
      `${path}.validRange.step: Invalid value: "3": value is not a multiple of a given step (2) from (2)`,
      `${path}.validRange.step: Invalid value: "9": value is not a multiple of a given step (2) from (2)`,
    ])
    expect(fields(policy({ default: '3', validValues: ['4', '2', '9'] }))).toEqual([
      `${path}.validValues[1]: Invalid value`,
      `${path}.validValues[2]: Invalid value`,
      `${path}.validValues: Invalid value`,
    ])
    expect(fields(device({ capacity: { memory: { value: '8', requestPolicy: {} } } }))).toEqual([`${path}: Forbidden`])
  })

  it('taint devices and draw on counters', () => {
    const more = { taints: [{ key: 'k' }], consumesCounters: [{ counterSet: 'c' }] }
    expect(fields(device(more))).toEqual([
      `${at}.taints[0].effect: Required value`,
      `${at}.consumesCounters[0].counters: Required value`,
    ])
    expect(fields(slice({ sharedCounters: [{}], devices: [] }))).toEqual([
      'spec: Invalid value',
      'spec.sharedCounters[0].name: Required value',
      'spec.sharedCounters[0].counters: Required value',
    ])
  })

  it('say since when a device is tainted', () => {
    const taints = [{ key: 'k', effect: 'NoSchedule' }]
    const pool = { name: 'p', resourceSliceCount: 1 }
    const spec = { driver: 'd', pool, nodeName: 'n', devices: [{ name: 'd', taints }] }
    const { object } = create(resourceSlice, { metadata: { name: 's' }, spec })
    expect(object.spec!.devices![0]!.taints![0]!.timeAdded).toMatch(/^\d{4}-.*Z$/)
  })

  it('bind on conditions and on those of failure together', () => {
    expect(fields(device({ bindingConditions: ['a'] }))).toEqual([`${at}.bindingFailureConditions: Invalid value`])
    expect(fields(device({ bindingConditions: ['a'], bindingFailureConditions: ['a'] }))).toEqual([
      `${at}.bindingFailureConditions[0]: Invalid value`,
    ])
  })
})
