import type { Node } from 'kubernetes-types/core/v1'
import type { Tone } from '#shared/ipc/queries.ts'
import { approximate, parseQuantity } from '#shared/kube/quantity.ts'
import { column, condition, labelsCell, shape } from './define.ts'

function state(node: Node): { word: string; tone: Tone } {
  const ready = condition(node, 'Ready')?.status
  const pressure = node.status?.conditions?.find(({ type, status }) => type.endsWith('Pressure') && status === 'True')
  const cordoned = node.spec?.unschedulable ? ', cordoned' : ''
  if (ready === 'True')
    return { word: (pressure ? pressure.type : 'Ready') + cordoned, tone: pressure || cordoned ? 'warn' : 'ok' }
  return { word: (ready === 'False' ? 'Not ready' : 'Unknown') + cordoned, tone: 'bad' }
}

/** A number sorts as one, and `24581256Ki` tells nobody anything. */
const bytes = (amount: string | undefined): number | null => {
  return amount === undefined ? null : approximate(parseQuantity(amount))
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
    column('cpu', 'CPU', 'text', ({ status }) => status?.allocatable?.['cpu'] ?? null),
    column('memory', 'Memory', 'bytes', ({ status }) => bytes(status?.allocatable?.['memory'])),
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
)
