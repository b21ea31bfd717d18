import type { KubeObject } from '#shared/kube/object.ts'
import type { Entry } from '../../store/api.ts'
import type { Row } from './row.ts'

/** What is known of an entry in one served version. */
export interface InVersion {
  /** Of other versions than the stored one. */
  bytes?: Buffer | undefined
  object?: KubeObject | undefined
  /** Made when somebody first asks for a table. */
  row?: Row | undefined
  /** Bytes of its protobuf message, and of that of its metadata. 0: not made yet. */
  messageLength?: number
  metadataLength?: number
}

/** What is known of an entry besides its bytes, kept in `Entry.derived`. Decoded objects are in it for a short while only. */
export class Derived implements InVersion {
  object: KubeObject | undefined = undefined
  row: Row | undefined = undefined
  messageLength = 0
  metadataLength = 0
  /** Where the metadata ends in the stored bytes. 0: not looked for yet. */
  metadataEnd = 0
  /** Null: the object has none. Undefined: not looked at yet. */
  labels: Readonly<Record<string, string>> | null | undefined = undefined
  /** Values of the selectable fields that were asked for. */
  fields: Record<string, string> | undefined = undefined
  /** Other served versions than the stored one, by the kind that serves them: a custom one is another when its schema changes. */
  versions: WeakMap<object, InVersion> | undefined = undefined
}

export function derivedOf(entry: Entry): Derived {
  return (entry.derived as Derived | undefined) ?? (entry.derived = new Derived())
}

/** Bytes of stored objects that are kept decoded: what is read over and over, and little of a crowd. */
const budget = 512 * 1024

/**
 * The objects of a type that were decoded last. They are not held weakly: V8's minor collections keep what is, so that
 * every object that was ever decoded would live until the next major one.
 */
export class RecentObjects {
  readonly #sizes = new Map<InVersion, number>()
  readonly #budget: number
  #size = 0

  constructor(bytes = budget) {
    this.#budget = bytes
  }

  /** The object that all readers share, made where it is not at hand; `size` in bytes, as it is stored. */
  of(holder: InVersion, size: number, make: () => KubeObject): KubeObject {
    if (holder.object) return holder.object
    const object = (holder.object = make())
    if (this.#sizes.has(holder)) return object
    this.#sizes.set(holder, size)
    this.#size += size
    for (const [oldest, bytes] of this.#sizes) {
      if (this.#size <= this.#budget || oldest === holder) break
      this.#sizes.delete(oldest)
      this.#size -= bytes
      oldest.object = undefined
    }
    return object
  }
}
