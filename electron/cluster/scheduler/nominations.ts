import type { PodInfo } from './pod-info.ts'

/** Pods that wait for a node to be cleared for them. They are counted there, so that nobody less important slips in. */
export class Nominations {
  readonly #nodes = new Map<string, Map<string, PodInfo>>()
  readonly #places = new Map<string, string>()

  get size(): number {
    return this.#places.size
  }

  /** Undefined or an empty name takes the nomination back. */
  set(pod: PodInfo, node: string | undefined): void {
    this.remove(pod.uid)
    if (!node) return
    this.#places.set(pod.uid, node)
    const there = this.#nodes.get(node) ?? new Map<string, PodInfo>()
    this.#nodes.set(node, there.set(pod.uid, pod))
  }

  remove(uid: string): void {
    const node = this.#places.get(uid)
    if (node === undefined) return
    this.#places.delete(uid)
    const there = this.#nodes.get(node)
    there?.delete(uid)
    if (there?.size === 0) this.#nodes.delete(node)
  }

  nodeOf(uid: string): string | undefined {
    return this.#places.get(uid)
  }

  on(node: string): readonly PodInfo[] {
    const there = this.#nodes.get(node)
    return there ? [...there.values()] : []
  }

  /** Those that count against a pod: at least as important, and not the pod itself. */
  against(pod: PodInfo, node: string): readonly PodInfo[] {
    if (this.#places.size === 0) return []
    return this.on(node).filter(({ uid, priority }) => uid !== pod.uid && priority >= pod.priority)
  }
}
