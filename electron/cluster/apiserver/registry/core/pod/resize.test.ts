import { expect, it } from 'vitest'
import { create, update } from '../../testing/rules.ts'
import { pod } from './index.ts'
import type { Pod } from './types.ts'

const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2' } }
const stored = (): Pod =>
  create<Pod>(pod, {
    metadata: { name: 'web', namespace: 'a' },
    spec: {
      containers: [{ name: 'app', image: 'a', resources: structuredClone(resources) }],
      initContainers: [{ name: 'init', image: 'a', resources: structuredClone(resources) }],
    },
  }).object

const resize = (change: (object: Pod) => unknown, old = stored()) => update(pod, old, change, 'resize').errors

it('changes processors and memory of containers that run once as well', () => {
  expect(resize(({ spec }) => (spec!.containers![0]!.resources!.requests!.cpu = '1500m'))).toEqual([])
  expect(resize(({ spec }) => (spec!.initContainers![0]!.resources!.requests!.cpu = '1500m'))).toEqual([])
  expect(resize(({ spec }) => (spec!.containers![0]!.resources!.limits!.memory = '2Gi'))).toEqual([])
})

it('changes nothing else, and takes nothing away', () => {
  expect(resize(({ spec }) => (spec!.initContainers![0]!.resources!.requests!['ephemeral-storage'] = '1Gi'))).toEqual([
    'spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable',
  ])
  expect(resize(({ spec }) => delete spec!.containers![0]!.resources!.requests!.memory)).toEqual([
    'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
  ])
})

it('changes no policy of resizing', () => {
  const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]
  expect(resize(({ spec }) => Object.assign(spec!.containers![0]!, { resizePolicy }))).toEqual([
    'spec: Forbidden: only cpu and memory resources are mutable',
  ])
})

it('leaves containers where they are', () => {
  expect(resize(({ spec }) => (spec!.containers![0]!.name = 'other'))).toEqual([
    'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
  ])
  expect(resize(({ spec }) => (spec!.initContainers = []))).toEqual([
    'spec.initContainers: Forbidden: initContainers may not be added or removed on resize',
  ])
})

it('is refused where the kubelet tells nothing of resources', () => {
  const running = (own: object) => {
    const old = stored()
    Object.assign(old.status!, { containerStatuses: [{ name: 'app', state: { running: {} }, ...own }] })
    return resize(({ spec }) => (spec!.containers![0]!.resources!.requests!.cpu = '1500m'), old)
  }
  expect(running({ resources })).toEqual([])
  expect(running({})).toEqual(['spec: Forbidden: Pod running on node without support for resize'])
})
