import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'
import type { Filter } from './plugins/api.ts'

interface Evaluation {
  readonly filters: readonly { readonly part: Filter }[]
  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void
}

/** "What if these pods were not there, and those were?" Asked of a copy of a node; to be taken back when answered. */
export class Trial {
  readonly node: NodeInfo
  readonly #board: Evaluation
  readonly #changes: [pod: PodInfo, sign: 1 | -1][] = []

  constructor(board: Evaluation, node: NodeInfo) {
    this.#board = board
    this.node = node.copy()
  }

  add(pod: PodInfo): void {
    this.node.add(pod)
    this.#note(pod, 1)
  }

  remove(pod: PodInfo): void {
    this.node.remove(pod.uid)
    this.#note(pod, -1)
  }

  fits(): boolean {
    return this.#board.filters.every(({ part }) => part.fits(this.node))
  }

  undo(): void {
    for (const [pod, sign] of this.#changes) this.#board.moved(pod, this.node, sign === 1 ? -1 : 1)
    this.#changes.length = 0
  }

  #note(pod: PodInfo, sign: 1 | -1): void {
    this.#changes.push([pod, sign])
    this.#board.moved(pod, this.node, sign)
  }
}
