import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { Change, WatchBatch } from '../storage/watch-batch.ts'

/**
 * What a watcher sees that selects by fields of objects which a webhook converts: the hub, which waits for nobody, lets
 * all changes through, and they are told apart when they are converted.
 */
export class ConvertedSelection {
  readonly #kind: ServedKind
  readonly #matches: (entry: Entry) => boolean
  /** What the watcher was shown last of the objects that it sees, by key. */
  readonly #shown: Map<string, Entry>

  /** `shown`: what matches where the watch begins. */
  constructor(kind: ServedKind, matches: (entry: Entry) => boolean, shown: readonly Entry[]) {
    this.#kind = kind
    this.#matches = matches
    this.#shown = new Map(shown.map((entry) => [entry.key, entry]))
  }

  /** The batch as the watcher sees it, converted. That of its argument must be. */
  async narrow({ changes, revision }: WatchBatch): Promise<WatchBatch> {
    const seen = changes.flatMap((change) => this.#seen(change) ?? [])
    const converting = this.#kind.prepare(seen.map(({ entry }) => entry))
    if (converting) await converting
    return new WatchBatch(seen, revision)
  }

  #seen({ type, entry }: Change): Change | undefined {
    const before = this.#shown.get(entry.key)
    if (type !== 'DELETED' && this.#matches(entry)) {
      this.#shown.set(entry.key, entry)
      return new Change(before ? 'MODIFIED' : 'ADDED', entry)
    }
    if (!before) return undefined
    this.#shown.delete(entry.key)
    return new Change('DELETED', type === 'DELETED' ? entry : this.#kind.departed(before, entry.revision))
  }
}
