import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import { entries } from '../loose.ts'
import { asInvalid, forbidden, invalid, tooLong } from '../validation/field.ts'
import { isConfigMapKey } from '../validation/names.ts'

type ConfigMap = KubeObject & {
  data?: Record<string, string>
  binaryData?: Record<string, string>
  immutable?: boolean
}

/** Of all values together, for config maps and secrets. */
export const mostBytes = 1024 * 1024
export const decodedLength = (base64: string): number => Buffer.byteLength(base64, 'base64')

function validate({ data, binaryData }: ConfigMap): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const [key, value] of entries(data)) {
    errors.push(...asInvalid(`data[${key}]`, key, isConfigMapKey(key)))
    if (binaryData?.[key] !== undefined)
      errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'))
    size += Buffer.byteLength(value)
  }
  for (const [key, value] of entries(binaryData)) {
    errors.push(...asInvalid(`binaryData[${key}]`, key, isConfigMapKey(key)))
    size += decodedLength(value)
  }
  if (size > mostBytes) errors.push(tooLong('[]', mostBytes))
  return errors
}

interface Freezable {
  immutable?: boolean
}

/** What may not change once `immutable` was set. */
export function validateFrozen<T extends Freezable>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return []
  const text = 'field is immutable when `immutable` is set'
  return [
    ...(object.immutable ? [] : [forbidden('immutable', text)]),
    ...fields
      .filter((field) => !semanticEqual(object[field] ?? {}, old[field] ?? {}))
      .map((field) => forbidden(field, text)),
  ]
}

const column = columnsOf<ConfigMap>('ConfigMap')

const define = kindsOf('', 'v1')

export const configMap: KindDefinition<ConfigMap> = define<ConfigMap>({
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  shortNames: ['cm'],
  rules: {
    validate,
    validateUpdate: (object, old) => [...validateFrozen(object, old, ['data', 'binaryData']), ...validate(object)],
  },
  columns: [
    nameColumn,
    column('Data', ({ data, binaryData }) => entries(data).length + entries(binaryData).length),
    ageColumn,
  ],
})
