import type { Taint, Toleration } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { tolerates } from '#shared/kube/tolerations.ts'

export type TaintView = Frozen<Taint>
type TolerationView = Frozen<Toleration>

export const notReady = 'node.kubernetes.io/not-ready'
export const unreachable = 'node.kubernetes.io/unreachable'

/**
 * For how many milliseconds a pod may stay under these taints: Infinity for ever, 0 not at all. Of the tolerations that
 * apply, the shortest counts.
 */
export function toleratedFor(tolerations: readonly TolerationView[] | undefined, taints: readonly TaintView[]): number {
  let time = Infinity
  for (const taint of taints) {
    const applying = (tolerations ?? []).filter((toleration) => tolerates(toleration, taint))
    if (!applying.length) return 0
    for (const { tolerationSeconds } of applying)
      if (tolerationSeconds !== undefined) time = Math.min(time, Math.max(0, Number(tolerationSeconds)) * 1000)
  }
  return time
}
