import type { Node, PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { ClusterEvent, NodeAspect } from '../../scheduler/cluster-event.ts'
import { PodInfo } from '../../scheduler/pod-info.ts'
import { defaultPlugins } from '../../scheduler/plugins/index.ts'
import { node, pod } from '../../scheduler/testing.ts'
import { eventsThatWake, wakes, type Wake } from './wake-ups.ts'

/** A pod that every plug-in may have something against, and others that are in its way or that it looks for. */
const claims = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] }
const term = (app: string) => ({ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } })
const anyPod = new PodInfo(
  pod('waiting', {
    ...claims,
    requests: { cpu: '1' },
    hostPort: 80,
    nodeName: 'n1',
    labels: { app: 'a' },
    tolerations: [{ operator: 'Exists' }],
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('b')] },
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('b')] },
    },
  }),
)
const other = new PodInfo(pod('other', { ...claims, requests: { cpu: '1' }, hostPort: 80, labels: { app: 'b' } }))
const before = new PodInfo(pod('waiting', { requests: { cpu: '2' }, labels: { app: 'a' } }))

const bare: Node = node('n1', { allocatable: { cpu: '1' } })
const changed = (...aspects: NodeAspect[]): ClusterEvent => ({
  kind: 'node changed',
  node: node('n1'),
  old: { ...bare, spec: { unschedulable: true } },
  aspects: new Set(aspects),
})

const allocated = { status: { allocation: {} } }
const events: Record<Wake, ClusterEvent> = {
  'node added': { kind: 'node added', node: node('n1') },
  'node gone': { kind: 'node gone', node: bare },
  allocatable: changed('allocatable'),
  labels: changed('labels'),
  taints: changed('taints'),
  schedulable: changed('schedulable'),
  features: changed('features'),
  'pod assigned': { kind: 'pod assigned', pod: other },
  'pod gone': { kind: 'pod gone', pod: other },
  'pod leaving': { kind: 'pod leaving', pod: other },
  'pod changed': { kind: 'pod changed', pod: anyPod, old: before },
  'claim changed': {
    kind: 'claim changed',
    claim: { metadata: { name: 'data', namespace: 'default' } } as PersistentVolumeClaim,
  },
  'volume changed': { kind: 'volume changed', volume: { metadata: { name: 'v' } } as PersistentVolume },
  'storage class changed': {
    kind: 'storage class changed',
    storageClass: { metadata: { name: 's' }, provisioner: 'p', volumeBindingMode: 'WaitForFirstConsumer' },
  },
  'CSI node changed': { kind: 'CSI node changed', csiNode: { metadata: { name: 'n1' }, spec: { drivers: [] } } },
  'resource claim changed': { kind: 'resource claim changed', claim: {}, old: allocated },
  'resource claim gone': { kind: 'resource claim gone', claim: allocated },
  'resource slice changed': { kind: 'resource slice changed', slice: {} },
  'device class changed': { kind: 'device class changed', deviceClass: {} },
}

/** Which of these events the plug-in's hint says yes to; a node affinity needs labels that were not there before. */
const hinted = (plugin: (typeof defaultPlugins)[number]): Wake[] =>
  (Object.keys(events) as Wake[]).filter((wake) => {
    const selective = plugin.name === 'NodeAffinity' && wake === 'labels'
    const asking = selective
      ? new PodInfo(pod('waiting', { nodeSelector: { 'kubernetes.io/hostname': 'n1' } }))
      : anyPod
    const event = selective ? { ...changed('labels'), old: { ...bare, metadata: { name: 'n1' } } } : events[wake]
    return plugin.mayHelp?.(event as ClusterEvent, asking)
  })

it('names what the hints of every plug-in say yes to, and nothing else', () => {
  for (const plugin of defaultPlugins.filter(({ filter }) => filter))
    expect([plugin.name, hinted(plugin).sort()]).toEqual([plugin.name, [...(wakes[plugin.name] ?? [])].sort()])
})

it('puts it into words', () => {
  expect(eventsThatWake('TaintToleration')).toEqual([
    'a node loses its taint',
    'a node is added',
    'the pod itself is changed',
  ])
  expect(eventsThatWake('SomebodyElses')).toEqual([])
})
