import type { Node, Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { podClaims } from '#shared/kube/pod-claims.ts'
import { formatSelector, type Selector } from '#shared/kube/selectors.ts'
import { AssumedClaims } from './devices/assumed-claims.ts'
import { Selectors } from './devices/selectors.ts'
import { NodeInfo } from './node-info.ts'
import { inZoneOrder } from './node-order.ts'
import { Nominations } from './nominations.ts'
import { PodCounts } from './pod-counts.ts'
import { PodInfo, sameDemand, sameLabels } from './pod-info.ts'
import { signatureOf } from './signature.ts'
import { emptySurroundings, type Surroundings } from './surroundings.ts'

/** Is told of every pod that comes to a known node or leaves it. */
export interface Follower {
  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void
}

/** Selectors whose pods are counted at a time. */
const mostCounts = 256

interface Place {
  pod: PodInfo
  node: string
}

/**
 * What is where, as the scheduler believes it: what the API says, plus pods that were just placed and whose binding
 * has not come back yet ("assumed"). Nothing is scanned: every event touches one node. A cycle runs without a pause,
 * so that this state is its snapshot; what is derived from it is refreshed by the generations of nodes, and made anew
 * when the epoch ends.
 */
export class ClusterState {
  readonly surroundings: Surroundings
  readonly nominations = new Nominations()
  readonly followers = new Set<Follower>()
  /** Nodes that have an image, counted by its name. */
  readonly images = new Map<string, number>()
  /** Volumes that are being bound to the claims of pods on their way: name → namespace/name of the claim. */
  readonly reservedVolumes = new Map<string, string>()
  /** Claims of devices, those that are just being allocated among them. */
  readonly deviceClaims: AssumedClaims
  readonly deviceSelectors = new Selectors()
  readonly nodesWithAffinity = new Set<NodeInfo>()
  readonly nodesWithAntiAffinity = new Set<NodeInfo>()
  /** Ends when the set of nodes, their labels, taints or images change, or what selects pods. */
  epoch = 1
  /** Changes with every node and every pod on one. */
  version = 1
  /** Keys of labels by which pods select other pods, of any pod that was ever there. */
  readonly #termKeys = new Set<string>()
  /** Keys by which the Services of a namespace select, as of this epoch. */
  readonly #serviceKeys = new Map<string, ReadonlySet<string>>()
  readonly #podCounts = new Map<string, PodCounts>()
  /** Pods on nodes, counted by priority. */
  readonly #priorities = new Map<number, number>()
  readonly #nodes = new Map<string, NodeInfo>()
  #list: NodeInfo[] | undefined
  readonly #places = new Map<string, Place>()
  readonly #namespaces = new Map<string, Map<string, Place>>()
  readonly #assumed = new Set<string>()
  /** Pods bound to nodes that are not known (yet). */
  readonly #homeless = new Map<string, Map<string, PodInfo>>()

  constructor(surroundings: Surroundings = emptySurroundings) {
    this.surroundings = surroundings
    this.deviceClaims = new AssumedClaims(surroundings.deviceClaims)
  }

  /** All nodes, one of every zone in turn. */
  nodes(): readonly NodeInfo[] {
    if (this.#list) return this.#list
    this.#list = inZoneOrder(this.#nodes.values())
    for (const [slot, node] of this.#list.entries()) node.slot = slot
    return this.#list
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name)
  }

  /** Pods on known nodes, of one namespace. */
  *podsIn(namespace: string): Generator<[PodInfo, NodeInfo]> {
    for (const { pod, node } of this.#namespaces.get(namespace)?.values() ?? []) {
      const info = this.#nodes.get(node)
      if (info) yield [pod, info]
    }
  }

  /** Kept up to date until the epoch ends, and shared by all who ask for the same. */
  podCounts(namespace: string, selector: Selector): PodCounts {
    const key = `${namespace} ${formatSelector(selector)}`
    const known = this.#podCounts.get(key)
    if (known) return known
    const counts = new PodCounts(namespace, selector, this.nodes().length)
    for (const [pod, node] of this.podsIn(namespace)) counts.moved(pod, node, 1)
    this.#podCounts.set(key, counts)
    this.followers.add(counts)
    return counts
  }

  /** Pods that get the same answers, as far as their labels are selected by anybody. */
  signatureOf(pod: PodInfo): string {
    const own = pod.ownKeys
    const services = this.#serviceKeysIn(pod.namespace)
    return signatureOf(pod.pod, (key) => own.has(key) || services.has(key) || this.#termKeys.has(key))
  }

  /** Whether there is any pod, anywhere, that is less important. */
  hasLesser(priority: number): boolean {
    for (const other of this.#priorities.keys()) if (other < priority) return true
    return false
  }

  /** Whether a pod claims devices, by claims or as extended resources that stand for some. */
  asksForDevices({ pod, requests: { others } }: PodInfo): boolean {
    if (podClaims(pod).length) return true
    for (const name of others.keys()) if (this.surroundings.classOfResource(name)) return true
    return false
  }

  namespaces(): IterableIterator<string> {
    return this.#namespaces.keys()
  }

  setNode(node: Frozen<Node>): void {
    const name = node.metadata?.name ?? ''
    const known = this.#nodes.get(name)
    if (known) return this.#changeNode(known, node)
    const info = new NodeInfo(node)
    this.#nodes.set(name, info)
    for (const pod of this.#homeless.get(name)?.values() ?? []) info.add(pod)
    this.#homeless.delete(name)
    this.#countImages(info, 1)
    this.#noteAffinity(info)
    this.#list = undefined
    this.endEpoch()
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name)
    if (!info) return
    if (info.pods.size) this.#homeless.set(name, new Map(info.pods))
    this.#countImages(info, -1)
    this.#nodes.delete(name)
    this.nodesWithAffinity.delete(info)
    this.nodesWithAntiAffinity.delete(info)
    this.#list = undefined
    this.endEpoch()
  }

  /** Before anything new is derived: nobody knows which counts are still looked at, so that all start anew. */
  limitCounts(): void {
    if (this.#podCounts.size >= mostCounts) this.endEpoch()
  }

  /** What was derived from the state is worthless from now on. */
  endEpoch(): void {
    this.epoch++
    this.version++
    this.followers.clear()
    this.#podCounts.clear()
    this.#serviceKeys.clear()
  }

  /** A pod that the API shows on a node: confirms what was assumed, or corrects it. */
  setPod(pod: Frozen<Pod>): void {
    const uid = pod.metadata?.uid ?? ''
    const node = pod.spec?.nodeName ?? ''
    this.#assumed.delete(uid)
    this.nominations.remove(uid)
    const place = this.#places.get(uid)
    if (place?.node === node && sameDemand(place.pod.pod, pod)) {
      place.pod.pod = pod
      return
    }
    this.#remove(uid)
    this.#add(new PodInfo(pod), node)
  }

  removePod(uid: string): void {
    this.#assumed.delete(uid)
    this.nominations.remove(uid)
    this.#remove(uid)
  }

  /** Counts a pod on a node before the API knows of it. */
  assume(pod: PodInfo, node: string): void {
    this.#remove(pod.uid)
    this.nominations.remove(pod.uid)
    this.#assumed.add(pod.uid)
    this.#add(pod, node)
  }

  /** The binding failed. False once the API has shown the pod on a node, or when it is gone. */
  forget(uid: string): boolean {
    if (!this.#assumed.delete(uid)) return false
    this.#remove(uid)
    return true
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid)
  }

  /** The name of the node that a pod is counted on. */
  placeOf(uid: string): string | undefined {
    return this.#places.get(uid)?.node
  }

  #changeNode(info: NodeInfo, node: Frozen<Node>): void {
    const old = info.node
    const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b)
    const sameImages = same(old.status?.images, node.status?.images)
    const sameDomain =
      sameLabels(info.labels, node.metadata?.labels as Record<string, string> | undefined) &&
      same(old.spec?.taints, node.spec?.taints)
    if (
      sameImages &&
      sameDomain &&
      old.spec?.unschedulable === node.spec?.unschedulable &&
      same(old.status?.allocatable, node.status?.allocatable)
    ) {
      // A heartbeat: nothing that a plug-in looks at.
      info.node = node
      return
    }
    if (!sameImages) this.#countImages(info, -1)
    info.setNode(node)
    if (!sameImages) this.#countImages(info, 1)
    if (!sameDomain) this.#list = undefined
    this.version++
    if (!sameImages || !sameDomain) this.endEpoch()
  }

  #countImages(node: NodeInfo, sign: 1 | -1): void {
    for (const name of node.images.keys()) {
      const count = (this.images.get(name) ?? 0) + sign
      if (count) this.images.set(name, count)
      else this.images.delete(name)
    }
  }

  #noteAffinity(node: NodeInfo): void {
    if (node.withAffinity) this.nodesWithAffinity.add(node)
    else this.nodesWithAffinity.delete(node)
    if (node.withAntiAffinity) this.nodesWithAntiAffinity.add(node)
    else this.nodesWithAntiAffinity.delete(node)
  }

  #add(pod: PodInfo, node: string): void {
    const place = { pod, node }
    this.#places.set(pod.uid, place)
    this.#countPriority(pod, 1)
    if (pod.hasAffinity) this.#noteKeys(pod)
    const peers = this.#namespaces.get(pod.namespace)
    if (peers) peers.set(pod.uid, place)
    else this.#namespaces.set(pod.namespace, new Map([[pod.uid, place]]))
    const info = this.#nodes.get(node)
    if (info) {
      info.add(pod)
      return this.#moved(pod, info, 1)
    }
    const waiting = this.#homeless.get(node) ?? new Map<string, PodInfo>()
    this.#homeless.set(node, waiting.set(pod.uid, pod))
  }

  #remove(uid: string): void {
    const place = this.#places.get(uid)
    if (!place) return
    this.#places.delete(uid)
    this.#countPriority(place.pod, -1)
    const peers = this.#namespaces.get(place.pod.namespace)
    peers?.delete(uid)
    if (peers?.size === 0) this.#namespaces.delete(place.pod.namespace)
    const info = this.#nodes.get(place.node)
    if (info?.remove(uid)) return this.#moved(place.pod, info, -1)
    const waiting = this.#homeless.get(place.node)
    waiting?.delete(uid)
    if (waiting?.size === 0) this.#homeless.delete(place.node)
  }

  #serviceKeysIn(namespace: string): ReadonlySet<string> {
    const known = this.#serviceKeys.get(namespace)
    if (known) return known
    const keys = new Set(this.surroundings.services(namespace).flatMap((selector) => selector.map(({ key }) => key)))
    this.#serviceKeys.set(namespace, keys)
    return keys
  }

  #countPriority({ priority }: PodInfo, sign: 1 | -1): void {
    const count = (this.#priorities.get(priority) ?? 0) + sign
    if (count) this.#priorities.set(priority, count)
    else this.#priorities.delete(priority)
  }

  /** A label that nobody selected by so far may from now on tell pods apart that were alike. */
  #noteKeys(pod: PodInfo): void {
    const before = this.#termKeys.size
    for (const key of pod.ownKeys) this.#termKeys.add(key)
    if (this.#termKeys.size !== before) this.endEpoch()
  }

  #moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    this.version++
    if (pod.hasAffinity) this.#noteAffinity(node)
    for (const follower of this.followers) follower.moved(pod, node, sign)
  }
}
