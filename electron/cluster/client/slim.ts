import type { KubeObject } from '#shared/kube/object.ts'
import { freezeDeep } from '../base/freeze.ts'

/** Owners (or kinds, for what has none) of which one object is remembered. */
const mostPeers = 256

/**
 * Objects as a cache keeps them: without managedFields, which no component reads and which are the greater part of a
 * small object, and with every part that is equal to one of the object before, or of another child of the same
 * controller, shared with it. What is handed in is not changed.
 */
export class Slimmer<T extends KubeObject> {
  readonly #metadataOnly: boolean
  /** By the uid of the controller: the object seen last. */
  readonly #peers = new Map<string, T>()

  constructor({ metadataOnly = false }: { metadataOnly?: boolean | undefined } = {}) {
    this.#metadataOnly = metadataOnly
  }

  slim(object: T, old: T | undefined): T {
    const family = object.metadata?.ownerReferences?.find(({ controller }) => controller)?.uid ?? ''
    const peer = this.#peers.get(family)
    const shared = share(bare(object, this.#metadataOnly), old, peer) as T
    const slim = Object.isFrozen(object) ? freezeDeep(shared) : shared
    this.#peers.delete(family)
    this.#peers.set(family, slim)
    if (this.#peers.size > mostPeers) this.#peers.delete(this.#peers.keys().next().value!)
    return slim
  }
}

function bare<T extends KubeObject>(object: T, metadataOnly: boolean): T {
  const { apiVersion, kind, metadata = {} } = object
  const { managedFields: _, ...rest } = metadata
  return metadataOnly ? ({ apiVersion, kind, metadata: rest } as T) : { ...object, metadata: rest }
}

type Children = Record<string, unknown>

/** `old` or `peer` where it is equal, else a copy of `next` that has as much as possible in common with them. */
function share(next: unknown, old: unknown, peer: unknown): unknown {
  // Equal strings too: the older one is kept, so that the other is garbage.
  if (next === old) return old
  if (next === peer) return peer
  if (typeof next !== 'object' || next === null) return next
  const before = childrenOf(old, next)
  const beside = childrenOf(peer, next)
  if (!before && !beside) return next
  let isOld = before !== undefined
  let isPeer = beside !== undefined
  const kept: unknown[] = []
  for (const key in next) {
    const child = share((next as Children)[key], before?.[key], beside?.[key])
    isOld &&= child === before![key]
    isPeer &&= child === beside![key]
    kept.push(child)
  }
  if (isOld && sizeOf(before!) === kept.length) return old
  if (isPeer && sizeOf(beside!) === kept.length) return peer
  // A copy has no room to grow.
  if (Array.isArray(next)) return kept.slice()
  const copy: Children = { ...next }
  let i = 0
  for (const key in copy) copy[key] = kept[i++]
  return copy
}

/** What is comparable with `next`, both lists or both none. */
const childrenOf = (value: unknown, next: object): Children | undefined =>
  typeof value === 'object' && value !== null && Array.isArray(value) === Array.isArray(next)
    ? (value as Children)
    : undefined

function sizeOf(value: Children): number {
  let size = 0
  for (const _ in value) size++
  return size
}
