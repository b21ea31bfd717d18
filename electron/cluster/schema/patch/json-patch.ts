import { isDeepStrictEqual } from 'node:util'
import { parseExactly } from '../json/exact.ts'
import { isObject, type JsonObject } from './values.ts'

/** RFC 6902, with what the server's library adds: negative indexes count from the end of a list. */
export interface JsonPatchOperation {
  op?: string
  path?: string
  from?: string
  value?: unknown
}

/** An operation could not be carried out. The server does not tell its client which. */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError'
}

/** So much text may copies add in all: a document that copies itself doubles with each. Source: JSONPatchMaxCopyBytes. */
const mostCopied = 3 * 1024 * 1024

/** Applies the operations to `document`, which it changes, and returns the result. Throws JsonPatchError. */
export function applyJsonPatch(document: unknown, operations: readonly JsonPatchOperation[]): unknown {
  const root = { document, copied: 0 }
  for (const operation of operations) applyOperation(root, operation)
  return root.document
}

interface Root {
  document: unknown
  /** Length of all that was copied. */
  copied: number
}

function applyOperation(root: Root, operation: JsonPatchOperation): void {
  const { op, path } = operation
  if (path === undefined) throw new JsonPatchError('missing path')
  switch (op) {
    case 'add':
      return placeOf(root, path).add(valueIn(operation))
    case 'replace': {
      const place = placeOf(root, path)
      place.get()
      return place.set(valueIn(operation))
    }
    case 'remove':
      return placeOf(root, path).remove()
    case 'move': {
      const from = placeOf(root, operation.from ?? '')
      const value = from.get()
      from.remove()
      return placeOf(root, path).add(value)
    }
    case 'copy':
      return placeOf(root, path).add(copyOf(root, placeOf(root, operation.from ?? '').get()))
    case 'test': {
      const found = placeOf(root, path).find()
      if (!isDeepStrictEqual(found ?? null, operation.value ?? null))
        throw new JsonPatchError(`testing value ${path} failed`)
      return
    }
    default:
      throw new JsonPatchError(`Unexpected kind: ${op}`)
  }
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

function valueIn(operation: JsonPatchOperation): unknown {
  if (!('value' in operation)) throw new JsonPatchError('missing value')
  return structuredClone(operation.value)
}

interface Place {
  /** Undefined where nothing is. */
  find(): unknown
  /** Throws where nothing is. */
  get(): unknown
  /** Inserts into a list, sets in an object. */
  add(value: unknown): void
  /** Overwrites what is there. */
  set(value: unknown): void
  remove(): void
}

function placeOf(root: Root, pointer: string): Place {
  if (pointer === '') return rootPlace(root)
  if (!pointer.startsWith('/')) throw new JsonPatchError(`invalid pointer ${pointer}`)
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = keys.pop()!
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

function rootPlace(root: Root): Place {
  const set = (value: unknown) => {
    root.document = value
  }
  return { find: () => root.document, get: () => root.document, add: set, set, remove: () => set(null) }
}

function objectPlace(holder: JsonObject, key: string): Place {
  const find = () => (Object.hasOwn(holder, key) ? holder[key] : undefined)
  const get = () => {
    const value = find()
    if (value === undefined) throw new JsonPatchError(`missing key ${key}`)
    return value
  }
  const set = (value: unknown) => {
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return {
    find,
    get,
    set,
    add: set,
    remove() {
      get()
      delete holder[key]
    },
  }
}

function listPlace(holder: unknown[], key: string): Place {
  const at = () => indexIn(holder, key)
  return {
    find: () => (key === '-' ? undefined : holder[at()]),
    get: () => holder[at()],
    set(value) {
      holder[at()] = value
    },
    add(value) {
      holder.splice(key === '-' ? holder.length : indexIn(holder, key, holder.length), 0, value)
    },
    remove() {
      holder.splice(at(), 1)
    },
  }
}

function indexIn(list: unknown[], key: string, most = list.length - 1): number {
  if (!/^-?\d+$/.test(key)) throw new JsonPatchError(`invalid index ${key}`)
  const written = Number(key)
  const index = written < 0 ? written + list.length : written
  if (index < 0 || index > most) throw new JsonPatchError(`index ${key} out of bounds`)
  return index
}
