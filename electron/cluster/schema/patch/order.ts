import { isObject } from './values.ts'

/** Whether two elements of a merged list are one: the same scalar, or objects with the same merge key. */
export function sameElement(a: unknown, b: unknown, mergeKey: string): boolean {
  if (!mergeKey) return a === b
  return isObject(a) && isObject(b) && a[mergeKey] === b[mergeKey]
}

/**
 * Puts a merged list in order: what the patch speaks of in the patch's order, the rest woven in before the first
 * element that stood after it on the server. The relative order within both parts is kept.
 */
export function enforceOrder(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const indexIn = (list: readonly unknown[], item: unknown) =>
    list.findIndex((other) => sameElement(other, item, mergeKey))
  const fromPatch: unknown[] = []
  const fromServer: unknown[] = []
  for (const item of merged) (indexIn(patchOrder, item) < 0 ? fromServer : fromPatch).push(item)
  fromPatch.sort((a, b) => indexIn(patchOrder, a) - indexIn(patchOrder, b))
  fromServer.sort((a, b) => indexIn(serverOrder, a) - indexIn(serverOrder, b))
  const result: unknown[] = []
  let next = 0
  for (const item of fromPatch) {
    const at = indexIn(serverOrder, item)
    while (at >= 0 && next < fromServer.length) {
      const before = indexIn(serverOrder, fromServer[next])
      if (before < 0 || before >= at) break
      result.push(fromServer[next++])
    }
    result.push(item)
  }
  return [...result, ...fromServer.slice(next)]
}
