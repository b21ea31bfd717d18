import type { ManagedFieldsEntry } from '#shared/kube/object.ts'
import {
  difference,
  fieldSetOfPaths,
  formatFieldsV1,
  isEmptySet,
  parseFieldsV1,
  union,
  type FieldSet,
  type FieldsV1,
} from './field-set.ts'

/** One owner of fields, as an entry of metadata.managedFields describes it. */
export interface Manager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly set: FieldSet
}

/** By identity, which is also upstream's order: appliers are the same in every version, updaters are not; time never matters. */
export type Managers = ReadonlyMap<string, Manager>

export const identify = ({
  name,
  operation,
  apiVersion,
  subresource,
}: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>): string =>
  JSON.stringify({
    manager: name || undefined,
    operation,
    apiVersion: (operation === 'Update' && apiVersion) || undefined,
    subresource: subresource || undefined,
  })

/** Entries of cached objects are read once, and a set that was not touched is handed on as it was written. */
const read = new WeakMap<object, FieldSet>()
const written = new WeakMap<FieldSet, FieldsV1>()

function readSet(fields: object): FieldSet {
  let set = read.get(fields)
  if (!set) {
    read.set(fields, (set = parseFieldsV1(fields)))
    written.set(set, fields as FieldsV1)
  }
  return set
}

function writeSet(set: FieldSet): FieldsV1 {
  let fields = written.get(set)
  if (!fields) written.set(set, (fields = formatFieldsV1(set)))
  return fields
}

/** Who an entry is of. What it owns is read by `decodeManagers`, which also sees whether it can be. */
export const managerOfEntry = (entry: ManagedFieldsEntry): Omit<Manager, 'set'> => ({
  name: entry.manager ?? '',
  operation: entry.operation as Manager['operation'],
  apiVersion: entry.apiVersion ?? '',
  subresource: entry.subresource ?? '',
  time: entry.time,
})

/** Reads metadata.managedFields. Throws when an entry cannot be read. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers = new Map<string, Manager>()
  for (const [index, entry] of (entries ?? []).entries()) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      throw new Error('operation must be `Apply` or `Update`')
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty')
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`)
    if (entry.fieldsType !== 'FieldsV1')
      throw new Error(`invalid fieldsType ${JSON.stringify(entry.fieldsType)} in managed fields entry ${index}`)
    const manager = managerOfEntry(entry)
    managers.set(identify(manager), { ...manager, set: readSet(entry.fieldsV1 ?? {}) })
  }
  return managers
}

export function encodeManagers(managers: Managers): ManagedFieldsEntry[] {
  return [...managers.values()]
    .sort(compareManagers)
    .map(({ name, operation, apiVersion, subresource, time, set }) => ({
      ...(name ? { manager: name } : {}),
      operation,
      ...(apiVersion ? { apiVersion } : {}),
      ...(time === undefined ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: writeSet(set),
      ...(subresource ? { subresource } : {}),
    }))
}

/** Appliers first, then by time, oldest first. */
function compareManagers(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  )
}

/** Also of times, which are in UTC to the second. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Fields that nobody owns, because the server sets them or they name the object. */
const unowned = fieldSetOfPaths(
  [
    'apiVersion',
    'kind',
    'metadata',
    'metadata name',
    'metadata namespace',
    'metadata creationTimestamp',
    'metadata selfLink',
    'metadata uid',
    'metadata clusterName',
    'metadata generation',
    'metadata managedFields',
    'metadata resourceVersion',
  ].map((path) => path.split(' ').map((name) => `f:${name}`)),
)

/** Takes the unowned fields away from one manager, and the manager with them when nothing is left. */
export function stripUnowned(managers: Managers, id: string): Managers {
  const manager = managers.get(id)
  return manager ? withSet(managers, id, manager, difference(manager.set, unowned)) : managers
}

export function withSet(managers: Managers, id: string, manager: Manager, set: FieldSet): Managers {
  const result = new Map(managers)
  if (isEmptySet(set)) result.delete(id)
  else result.set(id, { ...manager, set })
  return result
}

const mostUpdaters = 10

/** Keeps the number of updaters bounded: the oldest are merged into one entry per version, `ancient-changes`. */
export function capUpdaters(managers: Managers): Managers {
  if (managers.size <= mostUpdaters) return managers
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update')
  let count = updaters.length
  if (count <= mostUpdaters) return managers
  const result = new Map(managers)
  updaters.sort(([idA, a], [idB, b]) => compareText(a.time ?? '', b.time ?? '') || compareText(idA, idB))
  const firsts = new Map<string, string>()
  for (const [id, manager] of updaters) {
    if (count <= mostUpdaters) break
    const { apiVersion } = manager
    const bucket: Manager = { ...manager, name: 'ancient-changes', subresource: '' }
    const bucketId = identify(bucket)
    const first = firsts.get(apiVersion)
    if (first === undefined) {
      firsts.set(apiVersion, id)
      continue
    }
    const before = result.get(bucketId) ?? result.get(first)!
    result.delete(first)
    result.delete(id)
    result.set(bucketId, { ...bucket, set: union(before.set, manager.set) })
    count--
  }
  return result
}

/** The manager of a request that names none: the user agent up to the first slash, 128 bytes of it. */
export function managerOf(fieldManager: string, userAgent: string): string {
  if (fieldManager) return fieldManager
  let name = ''
  let length = 0
  for (const char of userAgent.split('/')[0]!) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) continue
    length += Buffer.byteLength(char)
    if (length > 128) break
    name += char
  }
  return name || 'unknown'
}
