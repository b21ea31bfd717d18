/** The fields that conditions of all kinds share. */
export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export const findCondition = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((condition) => condition.type === type)

export const withoutCondition = <C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] => (conditions ?? []).filter((condition) => condition.type !== type)

/**
 * Sets a condition as the workload controllers do: one with the same status and reason stays as it is, and the time of
 * transition is kept while the status stays the same.
 */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, next: C): readonly C[] {
  const current = findCondition(conditions, next.type)
  if (current?.status === next.status && current.reason === next.reason) return conditions ?? []
  const since = current?.status === next.status ? current.lastTransitionTime : undefined
  const condition = since === undefined ? next : { ...next, lastTransitionTime: since }
  return [...withoutCondition(conditions, next.type), condition]
}

/** A condition of the common type (metav1.Condition). */
export interface StatusCondition extends Condition {
  readonly observedGeneration?: number
}

/**
 * Sets a condition of the common type in its place, new ones last: the time of transition is kept while the status
 * stays the same. Source: SetStatusCondition, apimachinery/pkg/api/meta.
 */
export function withStatusCondition<C extends StatusCondition>(
  conditions: readonly C[] | undefined,
  next: C,
): readonly C[] {
  const all = conditions ?? []
  const current = findCondition(all, next.type)
  if (!current) return [...all, next]
  const since = current.status === next.status ? current.lastTransitionTime : undefined
  const condition = since === undefined ? next : { ...next, lastTransitionTime: since }
  return all.map((each) => (each === current ? condition : each))
}
