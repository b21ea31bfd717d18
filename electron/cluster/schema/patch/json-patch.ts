import { isDeepStrictEqual } from 'node:util'
import { parseExactly } from '../json/exact.ts'
import { isObject, type JsonObject } from './values.ts'

/**
 * RFC 6902 as evanphx/json-patch v4 takes it: negative indexes count from the end of a list, a key that is not there
 * can be replaced, and is null when it is copied.
 */
export interface JsonPatchOperation {
  op?: string | null
  path?: string | null
  from?: string | null
  value?: unknown
}

/** An operation could not be carried out. The server does not tell its client which. */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError'
}

/** So much text may copies add in all: a document that copies itself doubles with each. Source: JSONPatchMaxCopyBytes. */
const mostCopied = 3 * 1024 * 1024

/** Applies the operations to `document`, which it changes, and returns the result. Throws JsonPatchError. */
export function applyJsonPatch(document: unknown, operations: readonly (JsonPatchOperation | null)[]): unknown {
  const root = { document, copied: 0 }
  for (const operation of operations) applyOperation(root, operation ?? {})
  return root.document
}

interface Root {
  document: unknown
  /** Length of all that was copied. */
  copied: number
}

function applyOperation(root: Root, operation: JsonPatchOperation): void {
  const { op, path, from } = operation
  if (path === undefined || path === null) throw new JsonPatchError('missing path')
  switch (op) {
    case 'add':
      return placeIn(root, path).add(valueIn(operation))
    case 'replace':
      return path === '' ? replaceAll(root, valueIn(operation)) : placeIn(root, path).set(valueIn(operation))
    case 'remove':
      return placeIn(root, path).remove()
    case 'move': {
      const place = placeIn(root, from ?? '')
      const value = place.get()
      place.remove()
      return placeIn(root, path).add(value)
    }
    case 'copy': {
      const value = placeIn(root, from ?? '').get()
      const place = placeIn(root, path)
      return place.add(value === undefined ? null : copyOf(root, value))
    }
    case 'test': {
      const found = path === '' ? root.document : placeIn(root, path).get()
      if (!isDeepStrictEqual(found ?? null, operation.value ?? null))
        throw new JsonPatchError(`testing value ${path} failed`)
      return
    }
    default:
      throw new JsonPatchError(`Unexpected kind: ${op}`)
  }
}

function replaceAll(root: Root, value: unknown): void {
  if (!isObject(value) && !Array.isArray(value))
    throw new JsonPatchError('replace operation value must be object or array')
  root.document = value
}

function copyOf(root: Root, value: unknown): unknown {
  const text = JSON.stringify(value)
  root.copied += text.length
  if (root.copied > mostCopied)
    throw new JsonPatchError(
      `Unable to complete the copy, the accumulated size increase of copy is ${root.copied}, exceeding the limit ${mostCopied}`,
    )
  return parseExactly(text)
}

/** An operation without a value sets null. */
const valueIn = ({ value = null }: JsonPatchOperation): unknown => structuredClone(value)

interface Place {
  /** Undefined where an object has no such key. */
  get(): unknown
  /** Inserts into a list, sets in an object. */
  add(value: unknown): void
  /** Overwrites an item of a list; sets in an object, whether or not it has the key. */
  set(value: unknown): void
  remove(): void
}

/** The place that a pointer leads to. What stands before its first slash means nothing. Throws where nothing can be. */
function placeIn(root: Root, pointer: string): Place {
  const [, ...keys] = pointer.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = keys.pop()
  if (last === undefined) throw new JsonPatchError(`missing path ${pointer}`)
  let holder = root.document
  for (const key of keys)
    holder = Array.isArray(holder)
      ? holder[indexIn(holder, key)]
      : isObject(holder) && Object.hasOwn(holder, key)
        ? holder[key]
        : undefined
  if (Array.isArray(holder)) return listPlace(holder, last)
  if (isObject(holder)) return objectPlace(holder, last)
  throw new JsonPatchError(`missing path ${pointer}`)
}

function objectPlace(holder: JsonObject, key: string): Place {
  const set = (value: unknown) => {
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return {
    get: () => (Object.hasOwn(holder, key) ? holder[key] : undefined),
    set,
    add: set,
    remove() {
      if (!Object.hasOwn(holder, key)) throw new JsonPatchError(`missing key ${key}`)
      delete holder[key]
    },
  }
}

function listPlace(holder: unknown[], key: string): Place {
  const at = () => indexIn(holder, key)
  return {
    get: () => holder[at()],
    set(value) {
      holder[at()] = value
    },
    add(value) {
      // The list is one longer already when a negative index is counted from its end.
      holder.splice(key === '-' ? holder.length : indexIn(holder, key, holder.length + 1), 0, value)
    },
    remove() {
      holder.splice(at(), 1)
    },
  }
}

function indexIn(list: unknown[], key: string, length = list.length): number {
  if (!/^[-+]?\d+$/.test(key)) throw new JsonPatchError(`invalid index ${key}`)
  const written = Number(key)
  const index = written < 0 ? written + length : written
  if (index < 0 || index >= length) throw new JsonPatchError(`index ${key} out of bounds`)
  return index
}
