import type { ClusterState, Follower } from './cluster-state.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'
import { Refusal, type Filter, type Plugin, type Rejection, type Score } from './plugins/api.ts'
import type { Relief, Reservation } from './reservation.ts'
import { Trial } from './trial.ts'

export interface PluginRejection extends Rejection {
  readonly plugin: string
}

/** Every plug-in that rejects a node; the first is the one that counts. */
export interface NodeReport {
  readonly node: string
  readonly rejections: readonly [PluginRejection, ...PluginRejection[]]
}

interface Named<T> {
  readonly plugin: string
  readonly part: T
}

/** The scores that one plug-in gave to the nodes that fit. */
export interface Column {
  readonly plugin: string
  readonly weight: number
  /** Normalised to 0..100, in the order of the nodes that fit. */
  values: Float64Array
  readonly score: Score
  /** Raw scores by slot, where they depend on the node alone. */
  readonly raw: Int32Array | undefined
  active: boolean
}

/**
 * What every node is to pods of one signature. A node is looked at again only when its generation has changed, so that
 * the pods of one ReplicaSet are filtered and scored once: upstream's opportunistic batching, without its need for one
 * pod per node. Parts of plug-ins that depend on other nodes keep counts that follow every pod.
 */
export class Board implements Follower {
  readonly filters: readonly Named<Filter>[]
  readonly refusal: { readonly plugin: string; readonly reason: string } | undefined
  /** The only nodes that can fit, with the plug-ins that say so. */
  readonly nodes: ReadonlySet<string> | undefined
  readonly restrictedBy: readonly string[]
  readonly #pod: PodInfo
  readonly #state: ClusterState
  readonly #plugins: readonly Plugin[]
  readonly #local: readonly Filter[]
  readonly #shared: readonly Filter[]
  readonly #movers: { moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void }[] = []
  /** By slot: the generation that was looked at, and what was found. */
  #seen: Float64Array | undefined
  /** Reports of plug-ins that look at the node alone, by slot, and the generation that they are of. */
  readonly #reports: NodeReport[] = []
  readonly #reported: number[] = []
  /** What was found last when no node would do: true as long as nothing changes. */
  failure: { readonly version: number; readonly reports: readonly NodeReport[] } | undefined
  #fits = new Uint8Array(0)
  #columns: Column[] | undefined
  #scored = new Float64Array(0)
  #totals = new Float64Array(0)

  constructor(pod: PodInfo, plugins: readonly Plugin[], state: ClusterState) {
    this.#pod = pod
    this.#plugins = plugins
    this.#state = state
    const filters: Named<Filter>[] = []
    for (const { name, filter } of plugins) {
      const part = filter?.(pod, state)
      if (part instanceof Refusal) {
        this.refusal = { plugin: name, reason: part.reason }
        break
      }
      if (part) filters.push({ plugin: name, part })
    }
    this.filters = filters
    this.#local = filters.filter(({ part }) => !part.shared).map(({ part }) => part)
    this.#shared = filters.filter(({ part }) => part.shared).map(({ part }) => part)
    for (const { part } of filters) this.#follow(part)
    const restricted = filters.filter(({ part }) => part.nodes)
    this.restrictedBy = restricted.map(({ plugin }) => plugin).sort()
    this.nodes = restricted
      .map(({ part }) => part.nodes!)
      .reduce<ReadonlySet<string> | undefined>(
        (all, names) => (all ? new Set([...all].filter((name) => names.has(name))) : names),
        undefined,
      )
  }

  fits(node: NodeInfo): boolean {
    if (!this.#fitsAlone(node)) return false
    for (const filter of this.#shared) if (!filter.fits(node)) return false
    return true
  }

  /** Of a node that does not fit, or of a copy of one. */
  report(node: NodeInfo): NodeReport {
    const { slot, generation } = node
    const alone = this.#shared.every((filter) => filter.fits(node))
    if (alone && this.#reported[slot] === generation) return this.#reports[slot]!
    const rejections: PluginRejection[] = []
    for (const { plugin, part } of this.filters) if (!part.fits(node)) rejections.push({ plugin, ...part.why(node) })
    const report = { node: node.name, rejections: rejections as unknown as NodeReport['rejections'] }
    if (alone) {
      this.#reports[slot] = report
      this.#reported[slot] = generation
    }
    return report
  }

  /** What the pod needs on the node that was chosen for it is nobody else's from now on. */
  reserve(node: NodeInfo): readonly Reservation[] {
    return this.filters.flatMap(({ part }) => part.reserve?.(node) ?? [])
  }

  /** What plug-ins do for the pod when it fits nowhere; undefined where none of them can do anything. */
  relieve(): Relief | undefined {
    for (const { part } of this.filters) if (part.relieve) return part.relieve()
    return undefined
  }

  trial(node: NodeInfo): Trial {
    return new Trial(this, node)
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    for (const mover of this.#movers) mover.moved(pod, node, sign)
  }

  /** Weighted sums over all plug-ins for nodes that fit; `columns` holds the addends until the next call. */
  score(fitting: readonly NodeInfo[]): Float64Array {
    const columns = (this.#columns ??= this.#makeColumns())
    const count = fitting.length
    if (this.#totals.length < count) this.#totals = new Float64Array(count)
    const totals = this.#totals.fill(0)
    this.#scoreAlone(fitting, columns)
    for (const column of columns) {
      const { score, raw, weight } = column
      column.active = score.begin?.(fitting) ?? true
      if (!column.active) continue
      if (column.values.length < count) column.values = new Float64Array(count)
      const { values } = column
      if (raw) for (let i = 0; i < count; i++) values[i] = raw[fitting[i]!.slot]!
      else for (let i = 0; i < count; i++) values[i] = score.score(fitting[i]!)
      score.normalize?.(values, count)
      for (let i = 0; i < count; i++) totals[i]! += values[i]! * weight
    }
    return totals
  }

  get columns(): readonly Column[] {
    return this.#columns ?? []
  }

  #fitsAlone(node: NodeInfo): boolean {
    const { slot, generation } = node
    // A pod that names its nodes looks at too few to remember them.
    if (this.nodes) return this.#local.every((filter) => filter.fits(node))
    if (!this.#seen) {
      const slots = this.#state.nodes().length
      this.#seen = new Float64Array(slots)
      this.#fits = new Uint8Array(slots)
    }
    if (this.#seen[slot] === generation) return this.#fits[slot] === 1
    this.#seen[slot] = generation
    for (const filter of this.#local) {
      if (filter.fits(node)) continue
      this.#fits[slot] = 0
      return false
    }
    this.#fits[slot] = 1
    return true
  }

  #makeColumns(): Column[] {
    const slots = this.#state.nodes().length
    this.#scored = new Float64Array(slots)
    const columns: Column[] = []
    for (const { name, weight = 1, score } of this.#plugins) {
      const part = score?.(this.#pod, this.#state) ?? this.filters.find(({ plugin }) => plugin === name)?.part.score
      if (!part) continue
      this.#follow(part)
      const raw = part.shared ? undefined : new Int32Array(slots)
      columns.push({ plugin: name, weight, score: part, raw, values: new Float64Array(0), active: true })
    }
    return columns
  }

  #scoreAlone(fitting: readonly NodeInfo[], columns: readonly Column[]): void {
    const scored = this.#scored
    for (const node of fitting) {
      const { slot, generation } = node
      if (scored[slot] === generation) continue
      scored[slot] = generation
      for (const { raw, score } of columns) if (raw) raw[slot] = score.score(node)
    }
  }

  #follow(part: Filter | Score): void {
    if (part.moved) this.#movers.push(part as Required<Pick<Filter, 'moved'>>)
  }
}

/** Entries of all boards together, above which the one that was used longest ago is thrown away. */
const capacity = 200_000

/** The boards of the signatures that were seen last, as long as the epoch lasts. */
export class Boards {
  readonly #state: ClusterState
  readonly #plugins: readonly Plugin[]
  readonly #boards = new Map<string, Board>()
  /** Signatures of pods that came once: those that have no peers are not worth remembering. */
  readonly #once = new Set<string>()
  #epoch = 0

  constructor(plugins: readonly Plugin[], state: ClusterState) {
    this.#plugins = plugins
    this.#state = state
  }

  for(pod: PodInfo): Board {
    // What claims, volumes and devices are like is no part of a signature.
    if (pod.usesClaims || this.#state.asksForDevices(pod)) return new Board(pod, this.#plugins, this.#state)
    this.#startOver()
    const signature = this.#state.signatureOf(pod)
    const known = this.#boards.get(signature)
    if (known) {
      this.#boards.delete(signature)
      this.#boards.set(signature, known)
      return known
    }
    this.#state.limitCounts()
    this.#startOver()
    const board = new Board(pod, this.#plugins, this.#state)
    if (board.nodes || this.#isFirst(signature)) return board
    this.#boards.set(signature, board)
    this.#state.followers.add(board)
    const most = Math.min(64, Math.max(8, Math.floor(capacity / (this.#state.nodes().length || 1))))
    for (const [oldest, unused] of this.#boards) {
      if (this.#boards.size <= most) break
      this.#state.followers.delete(unused)
      this.#boards.delete(oldest)
    }
    return board
  }

  #startOver(): void {
    if (this.#epoch === this.#state.epoch) return
    this.#boards.clear()
    this.#epoch = this.#state.epoch
  }

  #isFirst(signature: string): boolean {
    if (this.#once.delete(signature)) return false
    if (this.#once.size >= 1024) this.#once.clear()
    this.#once.add(signature)
    return true
  }
}
