import type { Node, Taint } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { PodInfo } from './pod-info.ts'
import { amountsOf, Sum, type Amounts, type HostPort } from './resources.ts'

type Labels = Readonly<Record<string, string>>
const noLabels: Labels = {}

/** Counts every change of every node: a node with the generation that was seen before has not changed since. */
let generations = 0

/** A node and what its pods, assumed ones included, take of it. Sums are kept as pods come and go. */
export class NodeInfo {
  node: Frozen<Node>
  readonly name: string
  labels: Labels
  /** Taints that keep pods away, and those that only ask to be avoided. */
  taints: readonly Frozen<Taint>[] = []
  softTaints: readonly Frozen<Taint>[] = []
  allocatable: Amounts
  /** Sizes of the images that are there, by every name of theirs. */
  images: ReadonlyMap<string, number> = new Map()
  /** Place in the list of nodes; changes only with the epoch of the state. */
  slot = -1
  generation = ++generations
  readonly pods = new Map<string, PodInfo>()
  readonly requested = new Sum()
  readonly scored = new Sum()
  readonly ports: HostPort[] = []
  /** How many of its pods have any term of affinity, and how many a required one of anti-affinity. */
  withAffinity = 0
  withAntiAffinity = 0

  constructor(node: Frozen<Node>) {
    this.node = node
    this.name = node.metadata?.name ?? ''
    this.labels = noLabels
    this.allocatable = new Sum()
    this.setNode(node)
  }

  setNode(node: Frozen<Node>): void {
    this.node = node
    this.labels = (node.metadata?.labels as Labels | undefined) ?? noLabels
    const taints = node.spec?.taints ?? []
    this.taints = taints.filter(({ effect }) => effect !== 'PreferNoSchedule')
    this.softTaints = taints.filter(({ effect }) => effect === 'PreferNoSchedule')
    this.allocatable = amountsOf(node.status?.allocatable as Record<string, string> | undefined)
    const images = new Map<string, number>()
    for (const { names, sizeBytes } of node.status?.images ?? [])
      for (const name of names ?? []) images.set(name, sizeBytes ?? 0)
    this.images = images
    this.generation = ++generations
  }

  add(pod: PodInfo): void {
    this.remove(pod.uid)
    this.pods.set(pod.uid, pod)
    this.#take(pod, 1)
  }

  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid)
    if (!pod) return undefined
    this.pods.delete(uid)
    this.#take(pod, -1)
    return pod
  }

  /** Another node of the same name, slot and content, for asking "what if". */
  copy(): NodeInfo {
    const copy = new NodeInfo(this.node)
    copy.slot = this.slot
    for (const pod of this.pods.values()) copy.add(pod)
    return copy
  }

  #take(pod: PodInfo, sign: 1 | -1): void {
    this.generation = ++generations
    this.requested.add(pod.requests, sign)
    this.scored.add(pod.scored, sign)
    if (pod.hasAffinity) this.withAffinity += sign
    if (pod.terms.away.length) this.withAntiAffinity += sign
    for (const port of pod.hostPorts) {
      if (sign > 0) this.ports.push(port)
      else this.ports.splice(this.ports.indexOf(port), 1)
    }
  }
}
