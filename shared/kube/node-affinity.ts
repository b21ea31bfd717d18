import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from 'kubernetes-types/core/v1'
import type { Frozen } from './object.ts'

function holds({ operator, values = [] }: Frozen<NodeSelectorRequirement>, present: boolean, value: string): boolean {
  switch (operator) {
    case 'In':
      return present && values.includes(value)
    case 'NotIn':
      return !present || !values.includes(value)
    case 'Exists':
      return present
    case 'DoesNotExist':
      return !present
    case 'Gt':
    case 'Lt': {
      if (!present || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(values[0] ?? '')) return false
      const [actual, bound] = [BigInt(value), BigInt(values[0]!)]
      return operator === 'Gt' ? actual > bound : actual < bound
    }
    default:
      return false
  }
}

/** Requirements of one term must all hold; an empty term matches no node. */
export function matchesTerm(term: Frozen<NodeSelectorTerm>, node: Frozen<Node>): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (!expressions.length && !fields.length) return false
  const labels = node.metadata?.labels ?? {}
  return (
    expressions.every((requirement) =>
      holds(requirement, Object.hasOwn(labels, requirement.key), labels[requirement.key] ?? ''),
    ) &&
    fields.every(
      (requirement) => requirement.key === 'metadata.name' && holds(requirement, true, node.metadata?.name ?? ''),
    )
  )
}

/** Whether the node has what the pod's node selector and required node affinity ask for. */
export function fitsNode(
  { nodeSelector, affinity }: Frozen<Pick<PodSpec, 'nodeSelector' | 'affinity'>>,
  node: Frozen<Node>,
): boolean {
  const labels = node.metadata?.labels ?? {}
  for (const key in nodeSelector) if (labels[key] !== nodeSelector[key]) return false
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/**
 * The names of the only nodes that the required affinity can match, as pods of daemon sets have it; undefined when it
 * is not by name. Source: NodeAffinity.PreFilter of kube-scheduler.
 */
export function namedNodes({ affinity }: Frozen<Pick<PodSpec, 'affinity'>>): readonly string[] | undefined {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (!required) return undefined
  const names = new Set<string>()
  for (const { matchFields = [] } of required.nodeSelectorTerms) {
    const lists = matchFields.flatMap(({ key, operator, values }) =>
      key === 'metadata.name' && operator === 'In' ? [values ?? []] : [],
    )
    const [first] = lists
    if (!first) return undefined
    for (const name of first) if (lists.every((list) => list.includes(name))) names.add(name)
  }
  return [...names]
}
