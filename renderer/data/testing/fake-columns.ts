import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1'
import type { ConfigMap, Event, Node, Pod, Service } from 'kubernetes-types/core/v1'
import type { Cell, ColumnInfo, Tone } from '#shared/ipc/queries.ts'
import { summarizePod } from '#shared/kube/summaries/pod.ts'

type Kind = ColumnInfo['kind']
type Shape<T> = {
  columns: [id: string, title: string, kind: Kind, cell: (object: T) => Cell, priority?: number][]
  tone(object: T): Tone
}

const labels = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')
const owner = ({ metadata }: { metadata?: { ownerReferences?: { kind: string; name: string }[] } }): Cell => {
  const [first] = metadata?.ownerReferences ?? []
  return first ? `${first.kind}/${first.name}` : null
}

const pods: Shape<Pod> = {
  columns: [
    ['ready', 'Ready', 'ratio', (pod) => `${summarizePod(pod).ready}/${summarizePod(pod).total}`],
    ['status', 'Status', 'status', (pod) => summarizePod(pod).status],
    ['restarts', 'Restarts', 'number', (pod) => summarizePod(pod).restarts],
    ['node', 'Node', 'text', (pod) => pod.spec?.nodeName ?? null],
    ['ip', 'IP', 'text', (pod) => pod.status?.podIP ?? null, 1],
    ['owner', 'Controlled by', 'text', owner],
    ['labels', 'Labels', 'labels', (pod) => labels(pod.metadata?.labels), 1],
  ],
  tone(pod) {
    const { status, ready, total } = summarizePod(pod)
    if (status === 'Running') return ready === total ? 'ok' : 'warn'
    if (status === 'Completed') return 'off'
    return ['Pending', 'ContainerCreating', 'Terminating'].includes(status) ? 'busy' : 'bad'
  },
}

function rollout({ metadata, spec, status = {} }: Deployment): [string, Tone] {
  const wanted = spec?.replicas ?? 1
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0, observedGeneration = 0 } = status
  if (status.conditions?.some(({ reason }) => reason === 'ProgressDeadlineExceeded')) return ['Stalled', 'bad']
  if (spec?.paused) return ['Paused', 'warn']
  if (observedGeneration < (metadata?.generation ?? 0) || updatedReplicas < wanted || replicas > updatedReplicas)
    return ['Rolling out', 'busy']
  if (availableReplicas < wanted) return ['Waiting', 'busy']
  return wanted ? ['Available', 'ok'] : ['Scaled to 0', 'off']
}

const deployments: Shape<Deployment> = {
  columns: [
    ['ready', 'Ready', 'ratio', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}`],
    ['status', 'Status', 'status', (deployment) => rollout(deployment)[0]],
    ['updated', 'Up to date', 'number', ({ status }) => status?.updatedReplicas ?? 0],
    ['available', 'Available', 'number', ({ status }) => status?.availableReplicas ?? 0],
    [
      'images',
      'Images',
      'text',
      ({ spec }) => (spec?.template.spec?.containers ?? []).map(({ image }) => image).join(', '),
    ],
    ['labels', 'Labels', 'labels', ({ metadata }) => labels(metadata?.labels), 1],
  ],
  tone: (deployment) => rollout(deployment)[1],
}

const replicaSets: Shape<ReplicaSet> = {
  columns: [
    ['ready', 'Ready', 'ratio', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}`],
    [
      'status',
      'Status',
      'status',
      ({ spec, status }) =>
        spec?.replicas ? ((status?.readyReplicas ?? 0) >= spec.replicas ? 'Ready' : 'Scaling') : 'Kept',
    ],
    [
      'revision',
      'Revision',
      'number',
      ({ metadata }) => Number(metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0),
    ],
    ['owner', 'Controlled by', 'text', owner],
    [
      'images',
      'Images',
      'text',
      ({ spec }) => (spec?.template?.spec?.containers ?? []).map(({ image }) => image).join(', '),
    ],
  ],
  tone: ({ spec, status }) =>
    spec?.replicas ? ((status?.readyReplicas ?? 0) >= spec.replicas ? 'ok' : 'busy') : 'off',
}

const services: Shape<Service> = {
  columns: [
    ['type', 'Type', 'text', ({ spec }) => spec?.type ?? 'ClusterIP'],
    ['cluster-ip', 'Cluster IP', 'text', ({ spec }) => spec?.clusterIP ?? null],
    ['external', 'External', 'text', ({ status }) => status?.loadBalancer?.ingress?.[0]?.hostname ?? null],
    [
      'ports',
      'Ports',
      'text',
      ({ spec }) => (spec?.ports ?? []).map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`).join(', '),
    ],
    ['selector', 'Selector', 'labels', ({ spec }) => labels(spec?.selector)],
  ],
  tone: () => 'ok',
}

const data: Shape<ConfigMap> = {
  columns: [
    ['data', 'Data', 'number', ({ data: map }) => Object.keys(map ?? {}).length],
    ['keys', 'Keys', 'text', ({ data: map }) => Object.keys(map ?? {}).join(', ')],
  ],
  tone: () => 'off',
}

const nodes: Shape<Node> = {
  columns: [
    [
      'status',
      'Status',
      'status',
      ({ spec, status }) =>
        `${status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True' ? 'Ready' : 'Not ready'}${spec?.unschedulable ? ', cordoned' : ''}`,
    ],
    ['roles', 'Roles', 'text', () => 'worker'],
    ['cpu', 'CPU', 'text', ({ status }) => status?.allocatable?.['cpu'] ?? null],
    ['memory', 'Memory', 'text', ({ status }) => status?.allocatable?.['memory'] ?? null],
    ['version', 'Version', 'text', ({ status }) => status?.nodeInfo?.kubeletVersion ?? null],
  ],
  tone: ({ spec, status }) =>
    status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
      ? spec?.unschedulable
        ? 'warn'
        : 'ok'
      : 'bad',
}

const events: Shape<Event> = {
  columns: [
    ['type', 'Type', 'status', ({ type }) => type ?? null],
    ['reason', 'Reason', 'text', ({ reason }) => reason ?? null],
    ['object', 'Object', 'text', ({ involvedObject }) => `${involvedObject.kind}/${involvedObject.name}`],
    ['message', 'Message', 'text', ({ message }) => message ?? null],
    ['count', 'Count', 'number', ({ count }) => count ?? 1],
    ['last-seen', 'Last seen', 'age', ({ lastTimestamp }) => Date.parse(lastTimestamp ?? '')],
  ],
  tone: ({ type }) => (type === 'Warning' ? 'warn' : 'off'),
}

const others: Shape<object> = { columns: [], tone: () => 'off' }

const shapes: Record<string, Shape<never>> = {
  pods,
  services,
  nodes,
  events,
  configmaps: data,
  secrets: data,
  'deployments.apps': deployments,
  'replicasets.apps': replicaSets,
}

export interface FakeShape {
  columns: ColumnInfo[]
  cells(object: unknown): Cell[]
  tone(object: unknown): Tone
}

export function fakeShape(kind: string): FakeShape {
  const { columns, tone } = (shapes[kind] ?? others) as Shape<unknown>
  const created = (object: unknown): number => Date.parse((object as Pod).metadata?.creationTimestamp ?? '')
  return {
    columns: [
      ...columns.map(([id, title, kindOfCell, , priority = 0]) => ({ id, title, kind: kindOfCell, priority })),
      { id: 'age', title: 'Age', kind: 'age', priority: 0 },
    ],
    cells: (object) => [...columns.map(([, , , cell]) => cell(object)), created(object)],
    tone: (object) => ((object as Pod).metadata?.deletionTimestamp ? 'busy' : tone(object)),
  }
}
