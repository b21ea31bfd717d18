import type { Pod } from './types.ts'

/**
 * matchLabelKeys and mismatchLabelKeys become part of the selectors when a pod is made, with the pod's own values.
 * Source: mutatePodAffinity and mutateTopologySpreadConstraints of the pod strategy.
 */
export function mergeLabelKeys(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {}
  const hard = 'requiredDuringSchedulingIgnoredDuringExecution'
  const soft = 'preferredDuringSchedulingIgnoredDuringExecution'
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    const part = pod.spec?.affinity?.[name]
    for (const term of [
      ...(part?.[hard] ?? []),
      ...(part?.[soft] ?? []).flatMap((weighted) => weighted.podAffinityTerm ?? []),
    ]) {
      if (!term.labelSelector) continue
      addRequirements(term.labelSelector, term.matchLabelKeys, 'In', labels)
      addRequirements(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels)
    }
  }
  for (const constraint of pod.spec?.topologySpreadConstraints ?? []) {
    if (constraint.labelSelector) addRequirements(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels)
  }
}

interface Selector {
  matchExpressions?:
    { key?: string | undefined; operator?: string | undefined; values?: string[] | undefined }[] | undefined
}

function addRequirements(
  selector: Selector,
  keys: readonly string[] | undefined,
  operator: string,
  labels: Readonly<Record<string, string>>,
): void {
  for (const key of keys ?? []) {
    const value = labels[key]
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] })
  }
}
