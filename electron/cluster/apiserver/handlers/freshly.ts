import type { ServedKind } from '../kinds/served-kind.ts'

/**
 * A write starts from what any server of the cluster has acknowledged before: who creates on one and changes on another
 * is not told that there is nothing. Resolves at once where there is one server.
 */
export async function freshly({ objects }: ServedKind): Promise<void> {
  const fresh = objects.fresh()
  if (fresh) await fresh
}
