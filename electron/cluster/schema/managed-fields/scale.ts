import type { ManagedFieldsEntry } from '#shared/kube/object.ts'
import { difference, fieldSetOfPaths, pathsOf, type FieldSet } from './field-set.ts'
import { decodeManagers, encodeManagers, withSet, type Manager } from './managers.ts'

/**
 * Where the replicas of an object lie, such as `['spec', 'replicas']`, by the apiVersion of the object; undefined in
 * versions that have no scale.
 */
export type ReplicasPaths = ReadonlyMap<string, readonly string[] | undefined>

const setOf = (path: readonly string[]): FieldSet => fieldSetOfPaths([path.map((name) => `f:${name}`)])
const inScale = setOf(['spec', 'replicas'])
const scaleVersion = 'autoscaling/v1'

const contains = (set: FieldSet, one: FieldSet): boolean => !pathsOf(difference(one, set)).next().value

/** Who owns the replicas of an object, as entries of its Scale. Source: apimachinery's managedfields/scalehandler.go. */
export function entriesOfScale(
  entries: readonly ManagedFieldsEntry[] | undefined,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] {
  const owners = new Map<string, Manager>()
  for (const [id, manager] of decodeManagers(entries)) {
    const path = paths.get(manager.apiVersion)
    if (path && contains(manager.set, setOf(path)))
      owners.set(id, { ...manager, apiVersion: scaleVersion, set: inScale })
  }
  return encodeManagers(owners)
}

/**
 * The entries of an object after a write through its Scale, which left the Scale's as given. Updaters are told apart by
 * version: one that keeps the replicas keeps them in an entry of its own. What is new has no time; who owns fields in a
 * version that the definition no longer has loses them.
 */
export function entriesAfterScale(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scaled: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] {
  const owners = new Map(decodeManagers(scaled))
  let result = new Map<string, Manager>()
  for (const [id, manager] of decodeManagers(entries)) {
    if (!paths.has(manager.apiVersion)) continue
    const path = paths.get(manager.apiVersion)
    const replicas = path && setOf(path)
    const owns = replicas !== undefined && contains(manager.set, replicas)
    // Who owns the replicas still keeps its entry as it was.
    const lost = owns && !owners.delete(id)
    result = new Map(withSet(result, id, manager, lost ? difference(manager.set, replicas) : manager.set))
  }
  const replicas = setOf(paths.get(apiVersion)!)
  for (const [id, manager] of owners)
    if (contains(manager.set, inScale)) result.set(id, { ...manager, apiVersion, time: undefined, set: replicas })
  return encodeManagers(result)
}
