import type { Container, ContainerStatus, Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { milliValueOf, parseQuantity, valueOf } from '#shared/kube/quantity.ts'

/** Amounts of resources as plain numbers: cpu in millicores, memory and storage in bytes, everything else in units. */
export interface Amounts {
  readonly cpu: number
  readonly memory: number
  /** ephemeral-storage. */
  readonly storage: number
  readonly pods: number
  /** Extended resources, huge pages and the like, by name. */
  readonly others: ReadonlyMap<string, number>
}

type List = Readonly<Record<string, string>> | undefined

const named = { cpu: 'cpu', memory: 'memory', 'ephemeral-storage': 'storage', pods: 'pods' } as const
type Named = keyof typeof named
const isNamed = (name: string): name is Named => Object.hasOwn(named, name)

export const amountOf = (amounts: Amounts, name: string): number =>
  isNamed(name) ? amounts[named[name]] : (amounts.others.get(name) ?? 0)

/** Most pods and nodes have none: a map for each would be most of what is kept of them. */
const noOthers: ReadonlyMap<string, number> = new Map()

export const sameAmounts = (a: Amounts, b: Amounts): boolean => a === b || (noMore(a, b) && noMore(b, a))

/** Whether nothing of `a` is more than in `b`. */
export const noMore = (a: Amounts, b: Amounts): boolean =>
  a.cpu <= b.cpu &&
  a.memory <= b.memory &&
  a.storage <= b.storage &&
  [...a.others].every(([name, amount]) => amount <= (b.others.get(name) ?? 0))

/** Amounts that change: what a node's pods request together. */
export class Sum implements Amounts {
  cpu = 0
  memory = 0
  storage = 0
  pods = 0
  others: ReadonlyMap<string, number> = noOthers

  add(amounts: Amounts, sign: 1 | -1): void {
    this.cpu += sign * amounts.cpu
    this.memory += sign * amounts.memory
    this.storage += sign * amounts.storage
    for (const [name, amount] of amounts.others) this.#setOther(name, (this.others.get(name) ?? 0) + sign * amount)
  }

  set(name: string, amount: number): void {
    if (isNamed(name)) this[named[name]] = amount
    else this.#setOther(name, amount)
  }

  /** At least as much of everything. */
  raise(least: Amounts): void {
    this.cpu = Math.max(this.cpu, least.cpu)
    this.memory = Math.max(this.memory, least.memory)
    this.storage = Math.max(this.storage, least.storage)
    for (const [name, amount] of least.others) this.#setOther(name, Math.max(this.others.get(name) ?? 0, amount))
  }

  #setOther(name: string, amount: number): void {
    if (this.others === noOthers) this.others = new Map()
    ;(this.others as Map<string, number>).set(name, amount)
  }
}

/** Few different texts are ever written; parsing them anew for every pod would cost more than placing it. */
const parsed = { cpu: new Map<string, number>(), other: new Map<string, number>() }

function numberOf(name: string, text: string): number {
  const cache = name === 'cpu' ? parsed.cpu : parsed.other
  const known = cache.get(text)
  if (known !== undefined) return known
  const quantity = parseQuantity(text)
  const value = name === 'cpu' ? milliValueOf(quantity) : valueOf(quantity)
  if (cache.size >= 4096) cache.clear()
  cache.set(text, value)
  return value
}

export function amountsOf(list: List): Sum {
  const amounts = new Sum()
  for (const name in list) amounts.set(name, numberOf(name, list[name]!))
  return amounts
}

/** What scores assume of a container that requests nothing. Source: pkg/scheduler/util/pod_resources.go. */
const assumed: Record<string, string> = { cpu: '100m', memory: '200Mi' }

type AnyContainer = Frozen<Container>
/** One view of what a container takes: as written, as the node has granted it, or as it is in effect. */
type View = (container: AnyContainer, status: Frozen<ContainerStatus> | undefined) => List

const written: View = ({ resources }) => resources?.requests as List
const granted: View = (container, status) => (status?.allocatedResources as List) ?? written(container, status)
const inEffect: View = (container, status) => (status?.resources?.requests as List) ?? granted(container, status)

/** The sum of containers and sidecars, or more while an init container runs. */
function aggregate({ spec, status }: Frozen<Pod>, view: View, missing: Record<string, string> | undefined): Sum {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const requested = (container: AnyContainer): Sum => {
    const list = view(container, view === written ? undefined : statuses.find(({ name }) => name === container.name))
    return amountsOf(missing ? { ...missing, ...list } : list)
  }
  const total = new Sum()
  for (const container of spec?.containers ?? []) total.add(requested(container), 1)
  if (!spec?.initContainers?.length) return total
  const sidecars = new Sum()
  const initially = new Sum()
  for (const container of spec.initContainers) {
    const amounts = requested(container)
    if ((container as { restartPolicy?: string }).restartPolicy === 'Always') {
      total.add(amounts, 1)
      sidecars.add(amounts, 1)
      initially.raise(sidecars)
    } else {
      amounts.add(sidecars, 1)
      initially.raise(amounts)
    }
  }
  total.raise(initially)
  return total
}

const podLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')

const podLevelRequests = ({ spec }: Frozen<Pod>): List =>
  (spec as { resources?: { requests?: List } } | undefined)?.resources?.requests

/** A resize that the node can never grant no longer counts as wanted. */
const infeasible = ({ status }: Frozen<Pod>): boolean =>
  status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible'

function requests(pod: Frozen<Pod>, missing?: Record<string, string>): Sum {
  const total = aggregate(pod, written, missing)
  const statuses = pod.status?.containerStatuses
  if (statuses?.some(({ resources, allocatedResources }) => resources?.requests ?? allocatedResources)) {
    const actual = aggregate(pod, granted, missing)
    actual.raise(aggregate(pod, inEffect, missing))
    if (infeasible(pod)) return withPod(pod, actual)
    total.raise(actual)
  }
  return withPod(pod, total)
}

/** What is set for the pod as a whole replaces the sum of its containers; overhead comes on top. */
function withPod(pod: Frozen<Pod>, total: Sum): Sum {
  const whole = podLevelRequests(pod)
  for (const name in whole) if (podLevel(name)) total.set(name, numberOf(name, whole[name]!))
  if (pod.spec?.overhead) total.add(amountsOf(pod.spec.overhead as List), 1)
  return total
}

/** Amounts that many pods have in common are kept once. */
const shared = new Map<string, Amounts>()

function share(amounts: Amounts): Amounts {
  if (amounts.others.size) return amounts
  const key = `${amounts.cpu} ${amounts.memory} ${amounts.storage}`
  const known = shared.get(key)
  if (known) return known
  if (shared.size >= 4096) shared.clear()
  shared.set(key, amounts)
  return amounts
}

/** What a pod takes from its node. Source: component-helpers/resource.PodRequests. */
export const podRequests = (pod: Frozen<Pod>): Amounts => share(requests(pod))

/** As podRequests, with something assumed of containers that request neither CPU nor memory. */
export function scoredRequests(pod: Frozen<Pod>): Amounts {
  const whole = podLevelRequests(pod)
  if (!whole || !Object.keys(whole).some(podLevel)) return share(requests(pod, assumed))
  const missing = Object.entries(assumed).filter(([name]) => !amountOf(requests(pod), name))
  return share(requests(pod, Object.fromEntries(missing)))
}

export interface HostPort {
  readonly protocol: string
  readonly ip: string
  readonly port: number
}

const noPorts: readonly HostPort[] = []

/** The ports of its node that a pod takes, those of sidecars included. */
export function hostPortsOf({ spec }: Frozen<Pod>): readonly HostPort[] {
  const ports: HostPort[] = []
  if (!spec?.containers?.some((container) => container.ports) && !spec?.initContainers) return noPorts
  const sidecars = (spec?.initContainers ?? []).filter(
    (container) => (container as { restartPolicy?: string }).restartPolicy === 'Always',
  )
  for (const container of [...(spec?.containers ?? []), ...sidecars])
    for (const { hostPort, hostIP, protocol } of container.ports ?? [])
      if (hostPort) ports.push({ protocol: protocol ?? 'TCP', ip: hostIP || '0.0.0.0', port: hostPort })
  return ports
}

const everyAddress = (ip: string): boolean => ip === '0.0.0.0'

export const portsConflict = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || everyAddress(a.ip) || everyAddress(b.ip))
