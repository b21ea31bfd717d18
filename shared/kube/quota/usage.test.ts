import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../object.ts'
import { formatQuantity } from '../quantity.ts'
import { isInScope } from './scopes.ts'
import { idOf, trackedKind, usageOf } from './usage.ts'

const now = Date.UTC(2026, 0, 1)
const of = (id: string, object: object): Record<string, string> => {
  const [plural = '', ...group] = id.split('.')
  const usage = usageOf({ plural, group: group.join('.') })(object as KubeObject, now)
  return Object.fromEntries([...usage].map(([name, amount]) => [name, formatQuantity(amount)]))
}
const container = { resources: { requests: { cpu: '100m', 'example.com/gpu': '2' }, limits: { memory: '1Gi' } } }

describe('what an object uses up', () => {
  it('is of pods what their containers ask for, by both of its names', () => {
    expect(of('pods', { spec: { containers: [container, container] } })).toEqual({
      'count/pods': '1',
      pods: '1',
      cpu: '200m',
      'requests.cpu': '200m',
      'requests.example.com/gpu': '4',
      'limits.memory': '2Gi',
    })
  })

  it('is of a pod as a whole what the pod says of itself', () => {
    const spec = { containers: [container], resources: { requests: { cpu: '2' } } }
    expect(of('pods', { spec })).toMatchObject({ 'requests.cpu': '2', 'limits.memory': '1Gi' })
  })

  it('is only its name when a pod has ended, or should long have', () => {
    const deleted = (at: string) => ({ metadata: { deletionTimestamp: at, deletionGracePeriodSeconds: 30 }, spec: {} })
    expect(of('pods', { status: { phase: 'Failed' } })).toEqual({ 'count/pods': '1' })
    expect(of('pods', deleted('2025-12-31T23:59:29Z'))).toEqual({ 'count/pods': '1' })
    expect(of('pods', deleted('2025-12-31T23:59:40Z'))).toMatchObject({ pods: '1' })
  })

  it('is of claims their storage in whole bytes, also by class', () => {
    const claim = { spec: { storageClassName: 'gold', resources: { requests: { storage: '1500m' } } } }
    expect(of('persistentvolumeclaims', claim)).toEqual({
      'count/persistentvolumeclaims': '1',
      persistentvolumeclaims: '1',
      'requests.storage': '2',
      'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'gold.storageclass.storage.k8s.io/requests.storage': '2',
    })
    const grown = {
      spec: { resources: { requests: { storage: '1Gi' } } },
      status: { allocatedResources: { storage: '2Gi' } },
    }
    expect(of('persistentvolumeclaims', grown)).toMatchObject({ 'requests.storage': '2Gi' })
  })

  it('is of services their ports on nodes, too', () => {
    expect(of('services', { spec: { type: 'NodePort', ports: [{}, {}] } })).toMatchObject({ 'services.nodeports': '2' })
  })

  it('is of claims for devices the most that they can be given', () => {
    const requests = [
      { exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
      {
        firstAvailable: [
          { deviceClassName: 'gpu', count: 1 },
          { deviceClassName: 'gpu', allocationMode: 'All' },
        ],
      },
    ]
    expect(of('resourceclaims.resource.k8s.io', { spec: { devices: { requests } } })).toEqual({
      'count/resourceclaims.resource.k8s.io': '1',
      'gpu.deviceclass.resource.k8s.io/devices': '34',
    })
  })
})

it.each([
  ['count/widgets.example.com', 'widgets.example.com'],
  ['count/pods', 'pods'],
  ['secrets', 'secrets'],
  ['limits.memory', 'pods'],
  ['hugepages-2Mi', 'pods'],
  ['requests.example.com/gpu', 'pods'],
  ['services.loadbalancers', 'services'],
  ['requests.storage', 'persistentvolumeclaims'],
  ['gold.storageclass.storage.k8s.io/requests.storage', 'persistentvolumeclaims'],
  ['gpu.deviceclass.resource.k8s.io/devices', 'resourceclaims.resource.k8s.io'],
  ['limits.example.com/gpu', undefined],
  ['nonsense', undefined],
])('%s is used up by %s', (name, id) => {
  const kind = trackedKind(name)
  expect(kind && idOf(kind)).toBe(id)
})

describe('a scope', () => {
  const inScope = (scope: object, plural: string, object: object) =>
    isInScope({ spec: { scopeSelector: { matchExpressions: [scope] } } }, plural, object as KubeObject)
  const classed = { spec: { priorityClassName: 'high' } }

  it.each([
    [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }, classed, true],
    [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }, classed, false],
    [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] }, {}, true],
    [{ scopeName: 'PriorityClass', operator: 'DoesNotExist' }, {}, true],
    [{ scopeName: 'Terminating', operator: 'Exists' }, { spec: { activeDeadlineSeconds: 0 } }, true],
    [{ scopeName: 'NotTerminating', operator: 'Exists' }, { spec: { activeDeadlineSeconds: 0 } }, false],
    [{ scopeName: 'BestEffort', operator: 'Exists' }, { spec: { containers: [{}] } }, true],
    [{ scopeName: 'NotBestEffort', operator: 'Exists' }, { spec: { containers: [container] } }, true],
  ])('%j of the pod %j: %s', (scope, pod, expected) => {
    expect(inScope(scope, 'pods', pod)).toBe(expected)
  })

  it('of attributes counts every class that a claim has or is about to have', () => {
    const scope = { scopeName: 'VolumeAttributesClass', operator: 'In', values: ['fast'] }
    const claim = (spec: object, status: object) => inScope(scope, 'persistentvolumeclaims', { spec, status })
    expect(claim({ volumeAttributesClassName: 'slow' }, { currentVolumeAttributesClassName: 'fast' })).toBe(true)
    expect(claim({ volumeAttributesClassName: 'slow' }, {})).toBe(false)
    expect(inScope(scope, 'services', {})).toBe(false)
  })
})
