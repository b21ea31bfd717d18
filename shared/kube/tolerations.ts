import type { Taint, Toleration } from 'kubernetes-types/core/v1'
import type { Frozen } from './object.ts'

/** Whether a toleration covers a taint. Source: core/v1 Toleration.ToleratesTaint. */
export function tolerates(toleration: Frozen<Toleration>, taint: Frozen<Taint>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  switch (toleration.operator || 'Equal') {
    case 'Exists':
      return true
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '')
    default:
      return false
  }
}

/** The first of the taints that no toleration covers. */
export const untolerated = (
  taints: readonly Frozen<Taint>[],
  tolerations: readonly Frozen<Toleration>[],
): Frozen<Taint> | undefined => taints.find((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)))
