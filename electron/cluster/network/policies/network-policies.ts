import type { Pod } from 'kubernetes-types/core/v1'
import type { NetworkPolicy } from 'kubernetes-types/networking/v1'
import { keyOf, type Frozen } from '#shared/kube/object.ts'
import { namespaces, networkPolicies, pods } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import type { EndpointAddress, PodReference, Protocol } from '../api.ts'
import type { TableContent } from '../nftables/content.ts'
import { contains, parseAddress, parseRange } from '../pod-network/cidr.ts'
import { decide, type Decision, type PolicyPod } from './decide.ts'
import type { Gate } from './guard.ts'
import { policyContent } from './policy-content.ts'
import { policyPod } from './policy-pod.ts'
import { holds } from './traffic.ts'

export interface NetworkPoliciesDeps {
  readonly client: KubeClient
  readonly informers: InformerFactory
  readonly clock: Clock
  readonly logger: Logger
  /** Of the nodes of this machine whose pods have a network of their own. */
  readonly podCidrs: readonly string[]
  /** What is no pod and stands for some: DNS. */
  readonly standIns: readonly PolicyPod[]
  /** Puts into effect; the kernel's table. */
  readonly table: { apply(content: TableContent): Promise<void> }
}

/** How soon what the kernel did not take is tried again, in milliseconds. */
const retryMs = 5_000
const nothing: Decision = { Ingress: new Map(), Egress: new Map() }
const nothingHeld: TableContent = { sets: new Map(), chains: new Map() }

/** Enforces the NetworkPolicies of the cluster on the pods of this machine. Reads pods only while there are policies. */
export class NetworkPolicies implements Gate, AsyncDisposable {
  readonly #deps: NetworkPoliciesDeps
  readonly #ranges
  /** By address: the pods that were given one here, before the API knows it and until it is taken back. */
  readonly #attached = new Map<string, { reference: PodReference; pod?: Frozen<Pod> }>()
  /** Policies that were read before the informer showed them, each with the revision that shows more. */
  readonly #early = new Map<string, { policy: Frozen<NetworkPolicy>; revision: number }>()
  readonly #synced: Promise<unknown>
  #podsSynced: Promise<unknown> | undefined
  #decision = nothing
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()
  #cancelRetry: (() => void) | undefined
  #closing = false

  constructor(deps: NetworkPoliciesDeps) {
    this.#deps = deps
    this.#ranges = deps.podCidrs.map(parseRange)
    const informer = deps.informers.for(networkPolicies)
    this.#synced = informer.whenSynced()
    this.#synced.catch(() => {})
    const changed = () => void this.#changed().catch(() => {})
    informer.handle({ add: changed, update: changed, delete: changed })
    changed()
  }

  /**
   * Resolves when every policy that was there before this call holds for a pod with this address. Rejects when that
   * cannot be known or done: then the pod must not run.
   */
  async admit(ip: string, reference: PodReference): Promise<void> {
    const attached: { reference: PodReference; pod?: Frozen<Pod> } = { reference }
    this.#attached.set(ip, attached)
    const { namespace, name } = reference
    // The informer may be behind: a policy that is older than the pod must not be missed.
    const list = await this.#deps.client.list(networkPolicies, { namespace })
    const revision = Number(list.metadata.resourceVersion)
    for (const policy of list.items) {
      const key = keyOf(policy)
      if ((this.#early.get(key)?.revision ?? 0) < revision) this.#early.set(key, { policy, revision })
    }
    await this.#synced
    if (!this.#policies().length) return
    await this.#watchPods()
    if (!this.#known(reference)) {
      const pod = await this.#deps.client.get(pods, { namespace, name }).catch((error: unknown) => {
        // A static pod, that the API does not know yet.
        if (!isNotFound(error)) throw error
      })
      if (pod && isSame(pod, reference)) attached.pod = pod
    }
    await this.#changed()
  }

  /** The pod has lost its address; another may have it already. */
  release(ip: string, { uid }: PodReference): void {
    if (this.#attached.get(ip)?.reference.uid !== uid) return
    this.#attached.delete(ip)
    if (this.#podsSynced) this.#changed().catch(() => {})
  }

  /** Whether whoever came to a port of this machine's loopback may be led to an endpoint. */
  allows(client: string, { ip, port }: EndpointAddress, protocol: Protocol): boolean {
    const isolation = this.#decision.Ingress.get(ip)
    if (!isolation) return true
    const address = client.replace(/^::ffff:/, '')
    return holds(isolation.allowed, parseAddress(address === '::1' ? '127.0.0.1' : address), protocol, port)
  }

  /** Resolves when what is known so far is in effect. */
  async settled(): Promise<void> {
    await this.#changed()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#cancelRetry?.()
    await this.#last
  }

  /** Resolves when a pass that has begun later than this call has ended; many changes share one. */
  #changed(): Promise<void> {
    if (!this.#next) {
      const next = this.#last.then(() => {
        this.#next = undefined
        return this.#pass()
      })
      this.#next = next
      this.#last = next.catch((error: Error) => this.#failed(error))
    }
    return this.#next
  }

  #failed(error: Error): void {
    if (this.#closing) return
    this.#deps.logger.error('network policies could not be put into effect', { error: error.message })
    this.#cancelRetry ??= this.#deps.clock.after(retryMs, () => {
      this.#cancelRetry = undefined
      this.#changed().catch(() => {})
    })
  }

  async #pass(): Promise<void> {
    await this.#synced
    if (this.#closing) return
    if (this.#policies().length) await this.#watchPods()
    const decision = this.#decide()
    const isolates = decision.Ingress.size + decision.Egress.size > 0
    await this.#deps.table.apply(isolates ? policyContent(decision) : nothingHeld)
    this.#decision = decision
  }

  #decide(): Decision {
    const policies = this.#policies()
    if (!policies.length) return nothing
    const spaces = this.#deps.informers.for(namespaces, { metadataOnly: true }).lister.list()
    return decide({
      policies,
      pods: this.#pods(),
      namespaces: new Map(spaces.map(({ metadata }) => [metadata?.name ?? '', metadata?.labels])),
      isHere: (ip) => this.#ranges.some((range) => contains(range, parseAddress(ip))),
    })
  }

  #policies(): Frozen<NetworkPolicy>[] {
    const { lister, revision } = this.#deps.informers.for(networkPolicies)
    const shown = new Map(lister.list().map((policy) => [keyOf(policy), policy]))
    for (const [key, early] of this.#early)
      if (early.revision <= Number(revision ?? 0)) this.#early.delete(key)
      else shown.set(key, early.policy)
    return [...shown.values()]
  }

  #pods(): PolicyPod[] {
    const found = new Map<string, PolicyPod>()
    for (const pod of this.#deps.informers.for(pods).lister.list()) {
      const seen = policyPod(pod)
      if (seen) found.set(seen.ip, seen)
    }
    for (const [ip, { reference, pod }] of this.#attached) {
      const of = this.#known(reference) ?? pod ?? { metadata: { namespace: reference.namespace } }
      found.set(ip, policyPod(of, ip)!)
    }
    return [...found.values(), ...this.#deps.standIns]
  }

  #known(reference: PodReference): Frozen<Pod> | undefined {
    const pod = this.#deps.informers.for(pods).lister.get(`${reference.namespace}/${reference.name}`)
    return pod && isSame(pod, reference) ? pod : undefined
  }

  #watchPods(): Promise<unknown> {
    return (this.#podsSynced ??= this.#startWatching())
  }

  #startWatching(): Promise<unknown> {
    const changed = () => void this.#changed().catch(() => {})
    const podInformer = this.#deps.informers.for(pods)
    podInformer.handle({
      add: (pod) => policyPod(pod) && changed(),
      update: (pod, old) => JSON.stringify(policyPod(pod)) !== JSON.stringify(policyPod(old)) && changed(),
      delete: (pod) => policyPod(pod) && changed(),
    })
    const namespaceInformer = this.#deps.informers.for(namespaces, { metadataOnly: true })
    namespaceInformer.handle({ add: changed, update: changed, delete: changed })
    const synced = Promise.all([podInformer.whenSynced(), namespaceInformer.whenSynced()])
    synced.catch(() => {})
    return synced
  }
}

/** The mirror of a static pod has another uid than the pod. */
const isSame = ({ metadata }: Frozen<Pod>, { uid }: PodReference): boolean =>
  metadata?.uid === uid || metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined
