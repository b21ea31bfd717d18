import { expect, it } from 'vitest'
import { create, update } from '../../testing/rules.ts'
import { pod } from './index.ts'
import type { Pod } from './types.ts'

const withResources = (resources: object, own: object = {}): Pod => ({
  metadata: { name: 'web', namespace: 'a' },
  spec: { resources, containers: [{ name: 'app', image: 'a', resources: own }] },
})

it('has room for the requests of the containers and for each of their limits', () => {
  const object = withResources(
    { requests: { cpu: '1' }, limits: { cpu: '2' } },
    { requests: { cpu: '1500m' }, limits: { cpu: '3' } },
  )
  expect(create(pod, object).errors).toEqual([
    'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 1500m',
    'spec.resources.containers[0][cpu].limits: Invalid value: "3": must be less than or equal to pod limits of 2',
  ])
})

it('has room for huge pages, and leaves alone what it says nothing of', () => {
  const pages = { cpu: '1', 'hugepages-2Mi': '4Mi' }
  const object = withResources(
    { requests: { cpu: '1', 'hugepages-2Mi': '2Mi' }, limits: { cpu: '1', 'hugepages-2Mi': '2Mi' } },
    { requests: pages, limits: pages },
  )
  expect(create(pod, object).errors).toEqual([
    'spec.resources.requests[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container requests of 4Mi',
    'spec.resources.limits[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container limits of 4Mi',
    'spec.resources.containers[0][hugepages-2Mi].limits: Invalid value: "4Mi": must be less than or equal to pod limits of 2Mi',
  ])
  expect(create(pod, withResources({}, { requests: { memory: '1Gi' } })).errors).toEqual([])
})

it('is not said of pods for Windows', () => {
  const object = withResources({ requests: { cpu: '1' } })
  object.spec!.os = { name: 'windows' }
  expect(create(pod, object).errors).toEqual(['spec.resources: Forbidden: may not be set for a windows pod'])
})

it('knows processors, memory and huge pages', () => {
  const { errors } = create(
    pod,
    withResources({ requests: { 'example.com/disk': '1' }, limits: { 'example.com/disk': '1' } }),
  )
  expect(errors).toContainEqual(
    'spec.resources.limits[example.com/disk]: Unsupported value: "example.com/disk": supported values: "cpu", "hugepages-", "memory"',
  )
})

it('requests what the containers do, else what is its limit', () => {
  const { object, errors } = create(
    pod,
    withResources({ limits: { cpu: '2', memory: '1Gi' } }, { requests: { cpu: '500m' } }),
  )
  expect(errors).toEqual([])
  expect(object.spec!.resources!.requests).toEqual({ cpu: '500m', memory: '1Gi' })
})

it('may be resized, but nothing of it taken away', () => {
  const { object } = create(pod, withResources({ requests: { cpu: '1' }, limits: { cpu: '2' } }))
  const change = (requests: object) =>
    update(pod, object, ({ spec }) => (spec!.resources = { ...spec!.resources, requests }), 'resize').errors
  expect(change({ cpu: '1500m' })).toEqual([])
  expect(change({})).toEqual([])
  const removed = update(pod, object, ({ spec }) => delete spec!.resources, 'resize').errors
  expect(removed).toContain('spec.resources: Forbidden: pod-level resources cannot be removed')
})
