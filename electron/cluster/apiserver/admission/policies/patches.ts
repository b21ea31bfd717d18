import type { KubeObject } from '#shared/kube/object.ts'
import { mergeObjects } from '../../../schema/managed-fields/merge.ts'
import { shapeOf, type Shape } from '../../../schema/managed-fields/shape.ts'
import { typeNamed } from '../../../schema/table.ts'
import { applyJsonPatch, JsonPatchError, type JsonPatchOperation } from '../../../schema/patch/json-patch.ts'
import { CelError } from '../../../cel/values/errors.ts'
import { toJson } from '../../../cel/values/json.ts'
import { isList, isMap, type CelValue } from '../../../cel/values/values.ts'
import type { ServedKind } from '../../kinds/served-kind.ts'
import { cloneObject } from '../../storage/codec.ts'
import { ConfigurationError } from './params.ts'

type Json = Record<string, unknown>

/** The object with an apply configuration merged into it. Source: mutating/patch/smd.go. */
export function applyConfigurationTo(object: KubeObject, configuration: CelValue, kind: ServedKind): unknown {
  checkTypeNames(configuration, 'Object')
  const applied = jsonOf(configuration) as Json
  const { custom, type } = kind.definition
  const shape = custom ? custom.tracked.shape : shapeOf(typeNamed(type))
  const atomics = [...findAtomics(shape, applied, '')]
  if (atomics.length) {
    const message = `may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`
    throw new ConfigurationError(`error applying patch: invalid ApplyConfiguration: ${message}`)
  }
  return mergeObjects(object as Json, applied, shape)
}

/** The object after JSON patch operations; itself when one of their tests fails. Source: mutating/patch/json_patch.go. */
export function jsonPatched(object: KubeObject, operations: CelValue): unknown {
  const list = (operations as CelValue[]).map((each) => operationOf(each))
  try {
    return applyJsonPatch(cloneObject(object), list)
  } catch (error) {
    if (!(error instanceof JsonPatchError)) throw error
    if (/^testing value .* failed$/.test(error.message)) return object
    throw new ConfigurationError(`JSONPath: ${error.message}`)
  }
}

function operationOf(value: CelValue): JsonPatchOperation {
  if (!isMap(value))
    throw new ConfigurationError('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch')
  const { value: _value, ...operation } = jsonOf(value) as JsonPatchOperation
  const written = value.find('value')
  if (written === undefined) return operation
  if (isMap(written) && written.typeName) checkTypeNames(written, written.typeName)
  return { ...operation, value: jsonOf(written) }
}

function jsonOf(value: CelValue): unknown {
  try {
    return toJson(value)
  } catch (error) {
    if (error instanceof CelError) throw new ConfigurationError(error.message)
    throw error
  }
}

/** `Object.spec{…}` may only stand in the field spec of an `Object`. */
function checkTypeNames(value: CelValue, path: string): void {
  if (isList(value)) for (const each of value) checkTypeNames(each, path)
  if (!isMap(value)) return
  if (value.typeName === undefined) {
    for (const key of value.keys()) checkTypeNames(value.find(key)!, path)
    return
  }
  if (value.typeName !== path) {
    const text = `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`
    throw new ConfigurationError(`type mismatch: ${text}`)
  }
  for (const key of value.keys()) checkTypeNames(value.find(key)!, `${path}.${String(key)}`)
}

/** Fields that are owned as one: laying part of one over an object would drop the rest of it. */
function* findAtomics(shape: Shape, value: unknown, path: string): IterableIterator<string> {
  if (shape.is === 'map' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (shape.atomic) yield path
    for (const [key, each] of Object.entries(value)) {
      const field = shape.field(key)
      if (field) yield* findAtomics(field, each, `${path}.${key}`)
    }
  }
  if (shape.is === 'list' && Array.isArray(value)) {
    if (shape.kind === 'atomic') yield path
    for (const [i, each] of value.entries()) yield* findAtomics(shape.items, each, `${path}[${i}]`)
  }
}
