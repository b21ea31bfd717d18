/** Equality of JSON, in which an absent field, undefined and an empty list are the same (Go's Semantic.DeepEqual). */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isNone(a) || isNone(b)) return isNone(a) && isNone(b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key in left) if (!equal(left[key], right[key])) return false
  for (const key in right) if (!(key in left) && !isNone(right[key])) return false
  return true
}

const isNone = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

/** Without the counts that are zero: the API leaves them out of what it answers. */
export function nonZero<T extends Record<string, number>>(counts: T): Partial<T> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) as Partial<T>
}
