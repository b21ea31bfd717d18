import type { Pod as V1Pod } from 'kubernetes-types/core/v1'
import { summarizePod, type PodSummary } from '#shared/kube/summaries/pod.ts'
import { ageColumn, columnsOf, nameColumn } from '../../columns/common.ts'
import { since } from '../../columns/since.ts'
import type { Column } from '../../kind.ts'
import type { Pod } from './types.ts'

const column = columnsOf<Pod>('Pod')

/** Several cells of one row ask for the same summary. */
let last: { pod: Pod; summary: PodSummary } | undefined
function summary(pod: Pod): PodSummary {
  if (last?.pod !== pod) last = { pod, summary: summarizePod(pod as V1Pod) }
  return last.summary
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  column('Ready', (pod) => `${summary(pod).ready}/${summary(pod).total}`),
  column('Status', (pod) => summary(pod).status),
  column('Restarts', (pod) => {
    const { restarts, lastRestart } = summary(pod)
    return restarts && lastRestart ? since(lastRestart, `${restarts} (`, ' ago)') : String(restarts)
  }),
  ageColumn,
  column('IP', (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>', { wide: true }),
  column('Node', (pod) => pod.spec?.nodeName || '<none>', { wide: true }),
  column('Nominated Node', (pod) => pod.status?.nominatedNodeName || '<none>', { wide: true }),
  column('Readiness Gates', readinessGates, { wide: true }),
]

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (!gates.length) return '<none>'
  const holds = (wanted: string | undefined) =>
    pod.status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false
  return `${gates.filter(({ conditionType }) => holds(conditionType)).length}/${gates.length}`
}
