import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { ExpectationError, maxWrites } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'

interface Expiring {
  /** By the monotonic clock: setting the other one neither ends a life early nor prolongs it. */
  at: number
  key: string
  revision: number
}

/** Removes objects of a kind a fixed time after their last write. All live equally long, so that they expire in order. */
export class Expiry implements Disposable {
  readonly #kind: ServedKind
  readonly #life: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watch: Disposable
  #queue: Expiring[] = []
  #cancel: (() => void) | undefined

  constructor(kind: ServedKind, life: number, clock: Clock, logger: Logger) {
    this.#kind = kind
    this.#life = life
    this.#clock = clock
    this.#logger = logger
    const { objects } = kind
    /** What an object says of its own age may be anything; none lives longer than one written now. */
    const left = (written: number) => Math.min(life, Math.max(0, written + life - clock.now()))
    this.#queue = objects.store
      .range(objects.type.prefix)
      .map(({ key, revision, value }) => ({ key, revision, at: clock.monotonic() + left(lastWrite(value)) }))
      .sort((a, b) => a.at - b.at)
    this.#watch = objects.hub.open(
      kind.watchFilter({ namespace: undefined, labels: [], fields: [] }),
      objects.revision,
      {
        onBatch: ({ changes }) => {
          for (const { type, entry } of changes) if (type !== 'DELETED') this.#add(entry.key, entry.revision)
        },
        onEnd: () => this[Symbol.dispose](),
      },
    )
    this.#schedule()
  }

  #add(key: string, revision: number): void {
    this.#queue.push({ key, revision, at: this.#clock.monotonic() + this.#life })
    if (!this.#cancel) this.#schedule()
  }

  #schedule(): void {
    const next = this.#queue[0]
    if (!next) return
    this.#cancel = this.#clock.after(Math.max(1000, next.at - this.#clock.monotonic()), () => {
      this.#cancel = undefined
      void this.#expire()
    })
  }

  async #expire(): Promise<void> {
    const now = this.#clock.monotonic()
    const pending = this.#queue.findIndex(({ at }) => at > now)
    const due = this.#queue.splice(0, Math.min(maxWrites, pending < 0 ? this.#queue.length : pending))
    const { objects } = this.#kind
    const current = due.flatMap(({ key, revision }) =>
      objects.latest(key)?.revision === revision ? (objects.latest(key) ?? []) : [],
    )
    try {
      await objects.store.write(
        current.map((entry) => objects.removing(entry.key, entry.revision, objects.copy(entry))),
      )
    } catch (error) {
      // Somebody wrote in between: that write has made a later entry in the queue, the rest is tried again.
      this.#queue.unshift(...due)
      if (!(error instanceof ExpectationError))
        this.#logger.warn('removing expired objects failed', { error: String(error) })
    }
    this.#schedule()
  }

  [Symbol.dispose](): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#watch[Symbol.dispose]()
  }
}

/** When an object of an earlier life was last written, as far as it says. */
function lastWrite(value: Buffer): number {
  const object = JSON.parse(value.toString()) as {
    metadata?: { creationTimestamp?: string }
    lastTimestamp?: string | null
    series?: { lastObservedTime?: string }
  }
  const times = [object.metadata?.creationTimestamp, object.lastTimestamp, object.series?.lastObservedTime].map(
    (time) => (time && Date.parse(time)) || 0,
  )
  return Math.max(...times)
}
