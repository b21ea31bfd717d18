import { expect, it } from 'vitest'
import { nodeStatus, type NodeFacts } from './node-object.ts'

const facts: NodeFacts = {
  name: 'n',
  machine: {
    cpus: 2,
    memoryBytes: 1 << 30,
    storageBytes: 1 << 30,
    machineId: 'm',
    bootId: 'b',
    kernelVersion: '6',
    osImage: 'Debian',
    operatingSystem: 'linux',
    architecture: 'amd64',
  },
  addresses: [],
  port: 10250,
  runtimeVersion: 'containerd://1.6.20',
  kubeletVersion: 'v1.36.2',
  limits: [],
  images: [],
  volumesDirectory: '/volumes',
  maxPods: 110,
}
const ready = (more: Partial<NodeFacts>) =>
  nodeStatus({ ...facts, ...more }).conditions?.find(({ type }) => type === 'Ready')

it('is ready unless its runtime is down', () => {
  expect(ready({})).toMatchObject({ status: 'True', reason: 'KubeletReady' })
  expect(ready({ problem: 'container runtime is down' })).toEqual({
    type: 'Ready',
    status: 'False',
    reason: 'KubeletNotReady',
    message: 'container runtime is down',
  })
})
