import type { FieldDef, FieldType, TypeDef } from '../api.ts'
import { isObject, goFormat, type JsonObject } from './values.ts'
import { enforceOrder, sameElement } from './order.ts'

/**
 * Strategic merge patch (apimachinery/pkg/util/strategicpatch): a merge patch that merges lists whose field says so,
 * elements being matched by the field's merge key, and that understands directives:
 * `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 */
export class StrategicPatchError extends Error {
  override readonly name = 'StrategicPatchError'
  /** The HTTP status with which upstream reports it. */
  readonly code: 400 | 422 | 500

  constructor(message: string, code: 400 | 422 | 500) {
    super(message)
    this.code = code
  }
}

const patchDirective = '$patch'
const retainKeysDirective = '$retainKeys'
const deletePrefix = '$deleteFromPrimitiveList/'
const orderPrefix = '$setElementOrder/'

/** Neither argument is changed; the result may share parts of both. Throws StrategicPatchError. */
export const applyStrategicPatch = (target: JsonObject, patch: JsonObject, type: TypeDef): JsonObject =>
  mergeMap(target, patch, { is: 'object', type })

/** What the schema knows of a field; nothing below maps of free keys and raw values. */
function fieldIn(
  type: FieldType | undefined,
  key: string,
): { type: FieldType | undefined; field: FieldDef | undefined } {
  if (type?.is === 'object') {
    const field = type.type.fields.get(key)
    return { type: field?.type, field }
  }
  return { type: type?.is === 'map' ? type.values : undefined, field: undefined }
}

function mergeMap(original: JsonObject, given: JsonObject, type: FieldType | undefined): JsonObject {
  const directive = given[patchDirective]
  if (directive !== undefined) {
    if (directive === 'replace') return withoutKey(given, patchDirective)
    if (directive === 'delete') return {}
    if (directive !== 'merge')
      throw new StrategicPatchError(`Unknown patch type found: ${goFormat(directive)} in map: ${goFormat(given)}`, 500)
  }
  const patch = withoutKey(given, patchDirective)
  const result = retainKeys({ ...original }, patch)
  mergeOrderedLists(result, patch, type)
  for (const [writtenKey, value] of Object.entries(patch)) {
    const deletes = writtenKey.startsWith(deletePrefix)
    const key = deletes ? writtenKey.slice(deletePrefix.length) : writtenKey
    if (deletes && !Array.isArray(value)) throw new StrategicPatchError('invalid patch format of primitive list', 400)
    if (value === null) {
      delete result[key]
      continue
    }
    const current = Object.hasOwn(result, key) ? result[key] : undefined
    if (kindOf(current) !== kindOf(value)) {
      if (!deletes) set(result, key, withoutDirectives(value))
    } else set(result, key, mergeValue(current, value, fieldIn(type, key), deletes))
  }
  return result
}

function mergeValue(current: unknown, value: unknown, known: ReturnType<typeof fieldIn>, deletes: boolean): unknown {
  const strategies = known.field?.patchStrategy ?? []
  if (isObject(value))
    return strategies.includes('replace')
      ? withoutDirectives(value)
      : mergeMap(current as JsonObject, value, known.type)
  if (!Array.isArray(value)) return value
  if (!strategies.includes('merge')) return withoutDirectives(value)
  return mergeList(current as unknown[], value, known, deletes)
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value)

function set(target: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

function withoutKey(object: JsonObject, dropped: string): JsonObject {
  const copy = { ...object }
  delete copy[dropped]
  return copy
}

/** `$retainKeys: [a, b]` clears every other key of the original. Takes the directive out of the patch. */
function retainKeys(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch[retainKeysDirective]
  if (keys === undefined) return original
  delete patch[retainKeysDirective]
  const malformed = new StrategicPatchError('invalid patch format of retainKeys', 400)
  if (!Array.isArray(keys)) throw malformed
  for (const key of Object.keys(patch)) {
    const bare = key.startsWith(deletePrefix)
      ? key.slice(deletePrefix.length)
      : key.startsWith(orderPrefix)
        ? key.slice(orderPrefix.length)
        : key
    if (!keys.includes(bare)) throw malformed
  }
  for (const key of Object.keys(original)) if (!keys.includes(key)) delete original[key]
  return original
}

/** Lists that come with a `$setElementOrder`: merged, then put into that order. Takes both out of the patch. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, type: FieldType | undefined): void {
  for (const orderKey of Object.keys(patch)) {
    if (!orderKey.startsWith(orderPrefix)) continue
    const order = patch[orderKey]
    delete patch[orderKey]
    if (!Array.isArray(order)) throw new StrategicPatchError('invalid patch format of setElementOrder list', 400)
    const key = orderKey.slice(orderPrefix.length)
    const known = fieldIn(type, key)
    const mergeKey = isObject(order[0]) ? (known.field?.patchKey ?? '') : ''
    const removed = patch[deletePrefix + key]
    if (removed !== undefined) {
      delete patch[deletePrefix + key]
      if (Array.isArray(removed) && Array.isArray(result[key]))
        set(result, key, mergeList(result[key], removed, known, true))
    }
    const current = Array.isArray(result[key]) ? result[key] : undefined
    const written = Array.isArray(patch[key]) ? patch[key] : undefined
    if (written) checkAgainstOrder(written, order, mergeKey)
    if (patch[key] === null) continue
    const merged =
      current && written
        ? mergeList(current, written, known, false)
        : written
          ? (withoutDirectives(written) as unknown[])
          : current
    delete patch[key]
    if (merged) set(result, key, enforceOrder(merged, order, current ?? merged, mergeKey))
  }
}

/** What the patch writes must stand in the order list, in the same order. */
function checkAgainstOrder(written: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  let at = 0
  for (const item of written) {
    if (isObject(item) && item[patchDirective] !== undefined) continue
    while (at < order.length && !sameElement(order[at], item, mergeKey)) at++
    if (at === order.length)
      throw new StrategicPatchError(
        `The order in patch list:\n${goFormat(written)}\n doesn't match $setElementOrder list:\n${goFormat(order)}\n`,
        500,
      )
    at++
  }
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  known: ReturnType<typeof fieldIn>,
  deletes: boolean,
): unknown[] {
  if ([...original, ...patch].some(Array.isArray))
    throw new StrategicPatchError('lists of lists are not supported', 422)
  const ofObjects = isObject(original[0] ?? patch[0])
  if (!ofObjects) {
    if (deletes) return original.filter((item) => !patch.includes(item))
    return enforceOrder([...new Set([...original, ...patch])], patch, original, '')
  }
  const mergeKey = known.field?.patchKey
  if (!mergeKey)
    throw new StrategicPatchError(`cannot merge lists without merge key for ${known.field?.name ?? 'list'}`, 500)
  const { kept, rest, replaced } = applySpecialElements(original, patch as readonly JsonObject[], mergeKey)
  if (replaced) return withoutDirectives(rest) as unknown[]
  const items = known.type?.is === 'list' ? known.type.items : undefined
  const merged = [...kept]
  for (const item of rest) {
    const at = merged.findIndex((other) => sameElement(other, item, mergeKey))
    if (at < 0) merged.push(withoutDirectives(item))
    else merged[at] = mergeMap(merged[at] as JsonObject, item, items)
  }
  return enforceOrder(merged, rest, kept, mergeKey)
}

/** Elements that are directives: `{$patch: delete, <key>: x}` drops an element, `{$patch: replace}` all that was there. */
function applySpecialElements(original: readonly unknown[], patch: readonly JsonObject[], mergeKey: string) {
  let kept = [...original]
  const rest: JsonObject[] = []
  let replaced = false
  for (const item of patch) {
    const directive = item[patchDirective]
    if (directive === 'replace') {
      replaced = true
      continue
    }
    const keyed = item[mergeKey] !== undefined
    if (directive === 'delete') {
      if (!keyed) throw new StrategicPatchError(`delete patch type with no merge key defined`, 500)
      kept = kept.filter((other) => !sameElement(other, item, mergeKey))
    } else if (directive === 'merge')
      throw new StrategicPatchError('merging lists cannot yet be specified in the patch', 500)
    else if (directive !== undefined)
      throw new StrategicPatchError(`Unknown patch type found: ${goFormat(directive)} in map: ${goFormat(item)}`, 500)
    else {
      if (!keyed)
        throw new StrategicPatchError(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`, 500)
      rest.push(item)
    }
  }
  return { kept, rest, replaced }
}

/** A part of the patch that meets nothing in the original: taken without directives and nulls. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value))
    return value.filter((item) => !(isObject(item) && item[patchDirective] !== undefined)).map(withoutDirectives)
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value))
    if (item !== null && !isDirective(key)) set(result, key, withoutDirectives(item))
  return result
}

const isDirective = (key: string): boolean =>
  key === patchDirective || key === retainKeysDirective || key.startsWith(deletePrefix) || key.startsWith(orderPrefix)
