import type { KubeObject } from '#shared/kube/object.ts'
import type { Entry } from '../../store/api.ts'
import type { Row } from './row.ts'

/** What is known of an entry in one served version. */
export interface InVersion {
  /** Of other versions than the stored one. */
  bytes?: Buffer | undefined
  object?: WeakRef<KubeObject> | undefined
  /** Made when somebody first asks for a table. */
  row?: Row | undefined
  /** Bytes of its protobuf message, and of that of its metadata. 0: not made yet. */
  messageLength?: number
  metadataLength?: number
}

/**
 * What is known of an entry besides its bytes, kept in `Entry.derived`. Decoded objects are held weakly: all readers
 * share one while anybody uses it (informers in this process), and nobody pays for it otherwise.
 */
export class Derived implements InVersion {
  object: WeakRef<KubeObject> | undefined = undefined
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

/** Reads a decoded object, decoding when nobody holds it any more. */
export function shared(holder: InVersion, make: () => KubeObject): KubeObject {
  const live = holder.object?.deref()
  if (live) return live
  const object = make()
  holder.object = new WeakRef(object)
  return object
}
