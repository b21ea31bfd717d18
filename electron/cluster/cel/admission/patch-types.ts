import { overload, type Overload } from '../library/overload.ts'
import { dyn, objectType, string, type ObjectType } from '../types/types.ts'

const patchOperation = objectType('JSONPatch', { op: string, path: string, from: string, value: dyn })

/** `Object` and `Object.spec.template…`: messages with any field, whose type is dyn. */
function objectAt(name: string): ObjectType {
  return { kind: 'object', name, field: () => dyn }
}

export const applyConfigurationType = objectAt('Object')
export const patchOperationType = patchOperation

/** The messages that mutations may make. Source: apiserver/pkg/cel/mutation. */
export function patchStruct(name: string): ObjectType | undefined {
  if (name === 'JSONPatch') return patchOperation
  return name === 'Object' || name.startsWith('Object.') ? objectAt(name) : undefined
}

export const jsonPatch: readonly Overload[] = [
  overload('jsonpatch.escapeKey(string): string', (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')),
]
