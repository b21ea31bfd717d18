import type { Node, Pod } from 'kubernetes-types/core/v1'
import { goDuration } from '#shared/kube/duration.ts'
import { nodeMetrics, podMetrics, type NodeMetrics, type PodMetrics, type Usage } from '#shared/kube/metrics.ts'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { formatQuantity, quantityOf } from '#shared/kube/quantity.ts'
import { apiVersionOf, nodes, pods, type ResourceType } from '#shared/kube/resources.ts'
import { isSimulated } from '#shared/kube/simulated.ts'
import { timestamp, type Clock } from '../base/clock.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import type { Measured, Samples } from './samples.ts'
import { simulatedUsage } from './simulated.ts'

export interface SourceDeps {
  /** Their caches are read: objects are not decoded for every question. */
  readonly informers: InformerFactory
  readonly clock: Clock
  readonly samples: Pick<Samples, 'node' | 'pod'>
}

/** Simulated pods use the same all the time: any window would do. */
const simulatedWindow = 10_000

/** What is used now, by objects of the metrics API. Pods and nodes without figures are left out, as metrics-server does. */
export class UsageSource {
  readonly #deps: SourceDeps

  constructor(deps: SourceDeps) {
    this.#deps = deps
  }

  async pods(namespace: string | undefined): Promise<PodMetrics[]> {
    const simulated = await this.#simulatedNodes()
    return (await this.#list(pods, namespace)).flatMap((pod) => {
      const measured = this.#measured(pod, simulated)
      if (!measured) return []
      const [first] = measured.values()
      const containers = [...measured].map(([name, one]) => ({ name, usage: usageOf(one) }))
      return [{ ...this.#head(podMetrics, pod, first!), containers }]
    })
  }

  async nodes(): Promise<NodeMetrics[]> {
    const { clock, samples } = this.#deps
    const all = await this.#list(nodes)
    const simulated = await this.#usageOfSimulated(all)
    return all.flatMap((node): NodeMetrics[] => {
      const name = node.metadata?.name ?? ''
      const measured = isSimulated(node)
        ? { at: clock.now(), window: simulatedWindow, ...(simulated.get(name) ?? nothing) }
        : samples.node(name)
      return measured ? [{ ...this.#head(nodeMetrics, node, measured), usage: usageOf(measured) }] : []
    })
  }

  async #list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): Promise<readonly Frozen<T>[]> {
    const informer = this.#deps.informers.for(type)
    await informer.whenSynced()
    return informer.lister.list(namespace)
  }

  #head(type: ResourceType, { metadata }: Frozen<KubeObject>, { at, window }: Measured) {
    const { name = '', namespace, labels } = metadata ?? {}
    return {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        creationTimestamp: timestamp(this.#deps.clock.now()),
        ...(labels ? { labels: { ...labels } } : {}),
      },
      timestamp: timestamp(at),
      window: goDuration(window),
    }
  }

  #measured(pod: Frozen<Pod>, simulated: ReadonlySet<string>): ReadonlyMap<string, Measured> | undefined {
    if (pod.status?.phase !== 'Running') return undefined
    if (!simulated.has(pod.spec?.nodeName ?? '')) return this.#deps.samples.pod(pod.metadata?.uid ?? '')
    const at = this.#deps.clock.now()
    return new Map(
      (pod.spec?.containers ?? []).map(({ name }) => {
        const { cpu, memoryBytes } = simulatedUsage(pod, name)
        return [name, { at, window: simulatedWindow, nanoCores: Math.round(cpu * 1e9), memoryBytes }]
      }),
    )
  }

  async #simulatedNodes(): Promise<ReadonlySet<string>> {
    const all = await this.#list(nodes)
    return new Set(all.filter(isSimulated).map(({ metadata }) => metadata?.name ?? ''))
  }

  /** A simulated node uses what its pods do. */
  async #usageOfSimulated(all: readonly Frozen<Node>[]): Promise<Map<string, Used>> {
    const sums = new Map<string, Used>()
    for (const node of all) if (isSimulated(node)) sums.set(node.metadata?.name ?? '', nothing)
    if (!sums.size) return sums
    const names = new Set(sums.keys())
    for (const pod of await this.#list(pods)) {
      const sum = sums.get(pod.spec?.nodeName ?? '')
      const measured = sum && this.#measured(pod, names)
      if (measured) sums.set(pod.spec!.nodeName!, [...measured.values()].reduce(add, sum))
    }
    return sums
  }
}

type Used = Pick<Measured, 'nanoCores' | 'memoryBytes'>
const nothing: Used = { nanoCores: 0, memoryBytes: 0 }
const add = (a: Used, b: Used): Used => ({
  nanoCores: a.nanoCores + b.nanoCores,
  memoryBytes: a.memoryBytes + b.memoryBytes,
})

const usageOf = ({ nanoCores, memoryBytes }: Used): Usage => ({
  cpu: formatQuantity(quantityOf(nanoCores, 'DecimalSI', -9)),
  memory: formatQuantity(quantityOf(memoryBytes, 'BinarySI')),
})
