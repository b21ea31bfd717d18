import type { KubeObject } from '#shared/kube/object.ts'
import { alwaysWritten, zeroOf } from '../../schema/json/zero.ts'
import { findType } from '../../schema/table.ts'
import type { ServedKind } from '../kinds/served-kind.ts'

/**
 * Whole parts that strategies took away appear empty, as Go writes structs that were not set: `status: {}`. Empty lists
 * become what they are in storage: null.
 */
export function fillZeroFields(kind: ServedKind, object: KubeObject): void {
  const type = kind.definition.custom ? undefined : findType(kind.definition.type)
  if (!type) return
  const fields = object as Record<string, unknown>
  for (const field of alwaysWritten(type)) {
    if (field.name === 'metadata') continue
    const value = fields[field.name]
    const isNull = Array.isArray(value) ? value.length === 0 : value === undefined
    if (isNull && !(value && field.pointer)) fields[field.name] = zeroOf(field)
  }
}
