import type { KubeObject } from '#shared/kube/object.ts'
import { freezeDeep } from '../base/freeze.ts'
import { sameJson } from '../base/same-json.ts'

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
    const shared = childrenShared(bare(object, this.#metadataOnly), old, peer)
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
  // Most parts are equal, which is found out without making anything.
  if (sameJson(next, old)) return old
  if (sameJson(next, peer)) return peer
  return childrenShared(next, old, peer)
}

function childrenShared<V extends object>(next: V, old: unknown, peer: unknown): V {
  const before = childrenOf(old)
  const beside = childrenOf(peer)
  if (!before && !beside) return next
  if (Array.isArray(next)) return next.map((item, i) => share(item, before?.[i], beside?.[i])) as V
  const copy = { ...next } as Children
  for (const key in copy) copy[key] = share(copy[key], before?.[key], beside?.[key])
  return copy as V
}

const childrenOf = (value: unknown): Children | undefined =>
  typeof value === 'object' && value !== null ? (value as Children) : undefined
