import type { Node } from 'kubernetes-types/core/v1'
import type { Tone } from '#shared/ipc/queries.ts'
import { nodeMetrics } from '#shared/kube/metrics.ts'
import { amountOf, column, condition, labelsCell, shape } from './define.ts'
import { usageColumns } from './usage.ts'

function state(node: Node): { word: string; tone: Tone } {
  const ready = condition(node, 'Ready')?.status
  const pressure = node.status?.conditions?.find(({ type, status }) => type.endsWith('Pressure') && status === 'True')
  const cordoned = node.spec?.unschedulable ? ', cordoned' : ''
  if (ready === 'True')
    return { word: (pressure ? pressure.type : 'Ready') + cordoned, tone: pressure || cordoned ? 'warn' : 'ok' }
  return { word: (ready === 'False' ? 'Not ready' : 'Unknown') + cordoned, tone: 'bad' }
}

const role = 'node-role.kubernetes.io/'

export const nodes = shape<Node>(
  [
    column('status', 'Status', 'status', (node) => state(node).word),
    column('roles', 'Roles', 'text', ({ metadata }) =>
      Object.keys(metadata?.labels ?? {})
        .filter((label) => label.startsWith(role))
        .map((label) => label.slice(role.length))
        .join(', '),
    ),
    ...usageColumns<Node>([
      {
        id: 'allocatable',
        title: 'for pods',
        share: '%',
        priority: 0,
        amount: ({ status }, resource) => amountOf(status?.allocatable?.[resource]),
      },
    ]),
    column('pods', 'Pods', 'text', ({ status }) => status?.allocatable?.['pods'] ?? null, 1),
    column('version', 'Version', 'text', ({ status }) => status?.nodeInfo?.kubeletVersion ?? null),
    column('runtime', 'Runtime', 'text', ({ status }) => status?.nodeInfo?.containerRuntimeVersion ?? null),
    column(
      'address',
      'Address',
      'text',
      ({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? null,
      1,
    ),
    column(
      'taints',
      'Taints',
      'text',
      ({ spec }) => (spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).join(', '),
      1,
    ),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  (node) => state(node).tone,
  nodeMetrics,
)
