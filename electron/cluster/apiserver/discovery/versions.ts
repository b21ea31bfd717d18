/**
 * Orders versions by preference: v2, v1, v1beta2, v1beta1, v1alpha1, then what is no such version, by name.
 * Source: apimachinery/pkg/version/helpers.go.
 */
export function byPreference(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)]
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor
}

const stages = ['alpha', 'beta', '']

function rank(version: string): { stage: number; major: number; minor: number } | undefined {
  const parts = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version)
  return parts
    ? { stage: stages.indexOf(parts[2] ?? ''), major: Number(parts[1]), minor: Number(parts[3] ?? 0) }
    : undefined
}
