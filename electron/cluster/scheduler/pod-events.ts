import type { Node, Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { asksAnew, changesOf, type ClusterEvent } from './cluster-event.ts'
import type { ClusterState } from './cluster-state.ts'
import { PodInfo, sameDemand, sameLabels } from './pod-info.ts'
import type { SchedulingQueue } from './queue.ts'
import { noMore, podRequests } from './resources.ts'

export interface EventDeps {
  readonly state: ClusterState
  /** The queue of the profile that a pod names; undefined where it is none of ours. */
  readonly queueOf: (pod: Frozen<Pod>) => SchedulingQueue | undefined
  /** The event is made only where somebody waits for one. */
  readonly happened: (event: () => ClusterEvent, only?: (pod: PodInfo) => boolean) => void
  /** A pod is no longer there to be explained. */
  readonly gone: (uid: string) => void
}

const finished = (pod: Frozen<Pod>): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

type Labels = Readonly<Record<string, string>> | undefined
const labelsOf = (pod: Frozen<Pod>): Labels => pod.metadata?.labels as Labels

/** What events of pods and nodes mean to the state and the queue. Source: pkg/scheduler/eventhandlers.go. */
export class PodEvents {
  readonly #deps: EventDeps

  constructor(deps: EventDeps) {
    this.#deps = deps
  }

  seen(pod: Frozen<Pod>, old?: Frozen<Pod>): void {
    // Deleted and made again between two events: the old one is gone.
    if (old && old.metadata?.uid !== pod.metadata?.uid) {
      this.gone(old)
      return this.seen(pod)
    }
    if (pod.spec?.nodeName) this.#bound(pod, old)
    else this.#pending(pod, old)
  }

  gone(pod: Frozen<Pod>): void {
    const { state, queueOf, happened, gone } = this.#deps
    const uid = pod.metadata?.uid ?? ''
    queueOf(pod)?.remove(uid)
    gone(uid)
    const freed = state.placeOf(uid) !== undefined || pod.spec?.nodeName
    const nominated = state.nominations.nodeOf(uid) !== undefined
    state.removePod(uid)
    if (freed) happened(() => ({ kind: 'pod gone', pod: new PodInfo(pod) }))
    else if (nominated) this.#nominationGone(pod)
  }

  nodeCame(node: Frozen<Node>): void {
    this.#deps.state.setNode(node)
    this.#deps.happened(() => ({ kind: 'node added', node }))
  }

  nodeChanged(node: Frozen<Node>, old: Frozen<Node>): void {
    this.#deps.state.setNode(node)
    const aspects = changesOf(node, old)
    if (aspects.size) this.#deps.happened(() => ({ kind: 'node changed', node, old, aspects }))
  }

  nodeGone(node: Frozen<Node>): void {
    this.#deps.state.removeNode(node.metadata?.name ?? '')
    this.#deps.happened(() => ({ kind: 'node gone', node }))
  }

  #bound(pod: Frozen<Pod>, old: Frozen<Pod> | undefined): void {
    const { state, queueOf, happened } = this.#deps
    const uid = pod.metadata?.uid ?? ''
    queueOf(pod)?.remove(uid)
    if (finished(pod)) {
      const counted = state.placeOf(uid) !== undefined
      state.removePod(uid)
      if (counted) happened(() => ({ kind: 'pod gone', pod: new PodInfo(pod) }))
      return
    }
    state.setPod(pod)
    if (!old?.spec?.nodeName) return happened(() => ({ kind: 'pod assigned', pod: new PodInfo(pod) }))
    if (sameDemand(old, pod)) return
    if (!sameLabels(labelsOf(old), labelsOf(pod)))
      happened(() => ({ kind: 'pod assigned', pod: new PodInfo(pod), old: new PodInfo(old) }))
    else if (pod.metadata?.deletionTimestamp && !old.metadata?.deletionTimestamp)
      happened(() => ({ kind: 'pod leaving', pod: new PodInfo(pod) }))
    // Asks for less of its node.
    else if (!noMore(podRequests(old), podRequests(pod))) happened(() => ({ kind: 'pod gone', pod: new PodInfo(old) }))
  }

  #pending(pod: Frozen<Pod>, old: Frozen<Pod> | undefined): void {
    const { state, queueOf, happened } = this.#deps
    const uid = pod.metadata?.uid ?? ''
    const queue = queueOf(pod)
    if (!queue) return
    if (state.isAssumed(uid)) {
      // Its binding will fail; the room is free at once.
      if (pod.metadata?.deletionTimestamp && state.forget(uid))
        happened(() => ({ kind: 'pod gone', pod: new PodInfo(pod) }))
      return
    }
    if (finished(pod) || pod.metadata?.deletionTimestamp) {
      queue.remove(uid)
      state.nominations.remove(uid)
      return
    }
    const known = queue.has(uid)
    if (known && old && !asksAnew(pod, old)) queue.refresh(pod)
    else queue.add(new PodInfo(pod))
    this.#nominate(pod, old)
  }

  #nominate(pod: Frozen<Pod>, old: Frozen<Pod> | undefined): void {
    const now = pod.status?.nominatedNodeName
    const before = old?.status?.nominatedNodeName
    if (now === before) return
    this.#deps.state.nominations.set(new PodInfo(pod), now)
    if (before) this.#nominationGone(pod)
  }

  /** A nominated pod counted against those that are no more important than it. */
  #nominationGone(pod: Frozen<Pod>): void {
    const own = pod.spec?.priority ?? 0
    this.#deps.happened(
      () => ({ kind: 'pod gone', pod: new PodInfo(pod) }),
      ({ priority }) => priority <= own,
    )
  }
}
