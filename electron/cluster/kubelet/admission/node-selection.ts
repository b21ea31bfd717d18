import type { Frozen } from '#shared/kube/object.ts'
import type { NodeSelectorTerm } from 'kubernetes-types/core/v1'
import type { Node, Pod } from '../types.ts'

type Requirement = NonNullable<Frozen<NodeSelectorTerm>['matchExpressions']>[number]

/** Whether the node still is one that the pod's nodeSelector and required node affinity ask for. */
export function selectsNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {}
  const pairs = Object.entries(pod.spec?.nodeSelector ?? {})
  if (!pairs.every(([key, value]) => labels[key] === value)) return false
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || required.nodeSelectorTerms.some((term) => matches(term, node))
}

/** A term with neither expressions nor fields matches nothing. */
function matches({ matchExpressions = [], matchFields = [] }: Frozen<NodeSelectorTerm>, node: Node): boolean {
  if (!matchExpressions.length && !matchFields.length) return false
  const labels = node.metadata?.labels ?? {}
  const fields: Record<string, string> = { 'metadata.name': node.metadata?.name ?? '' }
  return matchExpressions.every((r) => holds(r, labels[r.key])) && matchFields.every((r) => holds(r, fields[r.key]))
}

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return Number(value) > Number(values[0])
    case 'Lt':
      return Number(value) < Number(values[0])
    default:
      return false
  }
}
