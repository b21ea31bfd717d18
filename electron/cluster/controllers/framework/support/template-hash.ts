import type { PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'

export type Template = Frozen<PodTemplateSpec>

/** Letters and digits that can spell no word (apimachinery's SafeEncodeString). */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/**
 * A short name of a template: the same for equal templates whatever the order of their fields, different after each
 * counted collision. Upstream hashes Go's dump of the structure; the value itself is nobody's contract.
 */
export function templateHash(template: Template, collisionCount: number | undefined): string {
  const text = canonical(template) + (collisionCount === undefined ? '' : `#${collisionCount}`)
  return String(fnv32a(text)).replace(/\d/g, (digit) => alphabet[digit.charCodeAt(0) % alphabet.length]!)
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

/** JSON with sorted keys, without what `equal` takes for absent. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null && !(Array.isArray(field) && field.length === 0))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}
