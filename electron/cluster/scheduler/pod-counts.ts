import { matches, type Selector } from '#shared/kube/selectors.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

/** How many pods of a namespace that a selector matches are on every node; terminating ones make room already. */
export class PodCounts {
  readonly bySlot: Int32Array
  readonly #namespace: string
  readonly #selector: Selector

  constructor(namespace: string, selector: Selector, slots: number) {
    this.bySlot = new Int32Array(slots)
    this.#namespace = namespace
    this.#selector = selector
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    if (this.counts(pod)) this.bySlot[node.slot]! += sign
  }

  counts(pod: PodInfo): boolean {
    return !pod.terminating && pod.namespace === this.#namespace && matches(this.#selector, pod.labels)
  }
}
