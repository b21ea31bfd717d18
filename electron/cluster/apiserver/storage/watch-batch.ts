import type { Entry, StoreEvent } from '../../store/api.ts'

/** How one event looks to one sort of client: a kind in a media type. Encodings are kept by `key`. */
export interface EventView {
  readonly key: string
  encode(change: Change): Buffer
}

/** One event as watchers of a filter see it. Encoded once per view, whoever asks. */
export class Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly entry: Entry
  #encodings: Map<string, Buffer> | undefined
  #chunks: Map<string, Buffer> | undefined

  constructor(type: Change['type'], entry: Entry) {
    this.type = type
    this.entry = entry
  }

  bytes(view: EventView): Buffer {
    return memo((this.#encodings ??= new Map()), view.key, () => view.encode(this))
  }

  /** The bytes as one chunk of HTTP/1.1's chunked coding, shared by all its connections. */
  chunk(view: EventView): Buffer {
    return memo((this.#chunks ??= new Map()), view.key, () => chunkOf(this.bytes(view)))
  }
}

/** The changes of one store event under different filters, each made once. */
export class EventChanges {
  readonly event: StoreEvent
  readonly #departed: (event: StoreEvent) => Entry
  #natural: Change | undefined
  #appears: Change | undefined
  #departs: Change | undefined

  constructor(event: StoreEvent, departed: (event: StoreEvent) => Entry) {
    this.event = event
    this.#departed = departed
  }

  /** As it is without a selector. */
  get natural(): Change {
    const { type, entry, previous } = this.event
    return (this.#natural ??= new Change(type === 'delete' ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED', entry))
  }

  /** The change for a filter under which the object is now, and was before, visible or not. */
  under(now: boolean, before: boolean): Change | undefined {
    if (this.event.type === 'delete') return before ? this.natural : undefined
    if (now && before) return this.natural
    if (now) return this.event.previous ? (this.#appears ??= new Change('ADDED', this.event.entry)) : this.natural
    if (before) return (this.#departs ??= new Change('DELETED', this.#departed(this.event)))
    return undefined
  }
}

/** Consecutive changes for one filter. */
export class WatchBatch {
  readonly changes: readonly Change[]
  /** The store's revision that these bring a watcher to. */
  readonly revision: number
  #joined: Map<string, Buffer> | undefined
  #chunks: Map<string, Buffer> | undefined

  constructor(changes: readonly Change[], revision: number) {
    this.changes = changes
    this.revision = revision
  }

  bytes(view: EventView): Buffer {
    if (this.changes.length === 1) return this.changes[0]!.bytes(view)
    return memo((this.#joined ??= new Map()), view.key, () =>
      Buffer.concat(this.changes.map((change) => change.bytes(view))),
    )
  }

  chunk(view: EventView): Buffer {
    if (this.changes.length === 1) return this.changes[0]!.chunk(view)
    return memo((this.#chunks ??= new Map()), view.key, () => chunkOf(this.bytes(view)))
  }
}

export const chunkOf = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

function memo(map: Map<string, Buffer>, key: string, make: () => Buffer): Buffer {
  const known = map.get(key)
  if (known) return known
  const made = make()
  map.set(key, made)
  return made
}
