import type { NodeAspect } from '../../scheduler/cluster-event.ts'
import type { ClusterEvent } from '../../scheduler/cluster-event.ts'

/** What a plug-in's hint looks at: kinds of events, of changes of nodes the aspect. */
export type Wake = Exclude<ClusterEvent['kind'], 'node changed'> | NodeAspect

const words: Readonly<Record<Wake, string>> = {
  'node added': 'a node is added',
  'node gone': 'a node goes',
  allocatable: 'a node gets more room',
  labels: 'the labels of a node change',
  taints: 'a node loses its taint',
  schedulable: 'a node is uncordoned',
  features: 'a node declares other features',
  'pod assigned': 'another pod gets a node',
  'pod gone': 'another pod leaves its node',
  'pod leaving': 'another pod begins to leave its node',
  'pod changed': 'the pod itself is changed',
  'claim changed': 'a persistent volume claim changes',
  'volume changed': 'a persistent volume changes',
  'storage class changed': 'a storage class changes',
  'CSI node changed': 'the volume drivers of a node change',
  'resource claim changed': 'a resource claim changes',
  'resource claim gone': 'a resource claim goes',
  'resource slice changed': 'devices are published',
  'device class changed': 'a device class changes',
}

/** What the hints of plug-ins may say yes to. The empty name stands for a cluster without nodes. */
export const wakes: Readonly<Record<string, readonly Wake[]>> = {
  '': ['node added'],
  NodeUnschedulable: ['schedulable', 'node added', 'pod changed'],
  NodeName: ['node added'],
  TaintToleration: ['taints', 'node added', 'pod changed'],
  NodeAffinity: ['labels', 'node added', 'pod changed'],
  NodePorts: ['pod gone', 'node added'],
  NodeResourcesFit: ['pod gone', 'allocatable', 'node added', 'pod changed'],
  VolumeRestrictions: ['pod gone', 'claim changed', 'node added'],
  NodeVolumeLimits: ['pod gone', 'claim changed', 'CSI node changed', 'node added'],
  VolumeBinding: [
    'claim changed',
    'volume changed',
    'storage class changed',
    'CSI node changed',
    'labels',
    'node added',
  ],
  VolumeZone: ['claim changed', 'volume changed', 'storage class changed', 'labels', 'node added'],
  PodTopologySpread: [
    'pod assigned',
    'pod leaving',
    'pod gone',
    'labels',
    'taints',
    'node added',
    'node gone',
    'pod changed',
  ],
  DynamicResources: [
    'resource claim changed',
    'resource claim gone',
    'resource slice changed',
    'device class changed',
    'labels',
    'allocatable',
    'node added',
    'pod changed',
  ],
  InterPodAffinity: ['pod assigned', 'pod gone', 'labels', 'node added', 'pod changed'],
  NodeDeclaredFeatures: ['features', 'node added'],
}

export const eventsThatWake = (plugin: string): string[] => (wakes[plugin] ?? []).map((wake) => words[wake])
