import { isDeepStrictEqual } from 'node:util'
import { amountsOf, podAmounts } from '#shared/kube/quota/amounts.ts'
import { canonicalQuantity, milliValueOf, valueOf } from '#shared/kube/quantity.ts'
import { admit } from '../admission/admission.ts'
import { resizableContainersOf } from '../core/resources.ts'
import { containersOf, initContainersOf, type Container, type Node, type Pod } from '../types.ts'

export type ContainerRequirements = NonNullable<Container['resources']>

/** By container name: the resources that a pod was given. */
export type Allocation = Readonly<Record<string, ContainerRequirements>>

export interface Refusal {
  reason: 'Infeasible' | 'Deferred'
  message: string
}

export const allocationOf = (pod: Pod): Allocation =>
  Object.fromEntries(resizableContainersOf(pod).map(({ name, resources }) => [name, resources ?? {}]))

/** The pod as it was given: itself where nothing else was. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (!allocation || sameAllocation(allocation, allocationOf(pod))) return pod
  const given = (container: Container): Container => {
    const resources = allocation[container.name]
    return resources ? { ...container, resources } : container
  }
  const [containers, initContainers] = [containersOf(pod).map(given), initContainersOf(pod).map(given)]
  return { ...pod, spec: { ...pod.spec, containers, ...(initContainers.length ? { initContainers } : {}) } } as Pod
}

/** `1` and `1000m` are the same. */
export function sameAllocation(a: Allocation, b: Allocation): boolean {
  return isDeepStrictEqual(canonical(a), canonical(b))
}

function canonical(allocation: Allocation): object {
  const list = (amounts: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(
      Object.entries(amounts ?? {})
        .map(([name, text]) => [name, canonicalQuantity(text)] as const)
        .sort(([x], [y]) => (x < y ? -1 : 1)),
    )
  return Object.fromEntries(
    Object.entries(allocation).map(([name, { limits, requests }]) => [
      name,
      { limits: list(limits), requests: list(requests) },
    ]),
  )
}

/** Why a pod cannot have what it asks for now (or ever, on this node). Source: allocation manager's canResizePod. */
export function refusalOf(pod: Pod, others: readonly Pod[], node: Node): Refusal | undefined {
  const allocatable = amountsOf(node.status?.allocatable)
  const requests = podAmounts(pod.spec, 'requests')
  for (const name of ['memory', 'cpu'] as const) {
    const value = name === 'cpu' ? milliValueOf : valueOf
    const [asked, has] = [requests.get(name), allocatable.get(name)]
    if (!asked || !has || value(asked) <= value(has)) continue
    const message = `Node didn't have enough capacity: ${name}, requested: ${value(asked)}, capacity: ${value(has)}`
    return { reason: 'Infeasible', message }
  }
  const rejection = admit(pod, others, node)
  return rejection && { reason: 'Deferred', message: rejection.message }
}

/** What an event says of a resize. Source: pkg/kubelet/events/pod_resize.go. */
export function resizeMessage(prefix: string, pod: Pod, generation: number | undefined, error?: string): string {
  const summary = (containers: readonly Container[]) =>
    containers.map(({ name, resources }) => {
      const { limits, requests } = (canonical({ [name]: resources ?? {} }) as Record<string, Lists>)[name]!
      const parts = {
        ...(Object.keys(limits).length ? { limits } : {}),
        ...(Object.keys(requests).length ? { requests } : {}),
      }
      return { name, resources: parts }
    })
  const [init, regular] = [summary(initContainersOf(pod)), summary(containersOf(pod))]
  const described = {
    ...(init.length ? { initContainers: init } : {}),
    ...(regular.length ? { containers: regular } : {}),
    generation: generation ?? 0,
    ...(error ? { error } : {}),
  }
  return `${prefix}: ${JSON.stringify(described)}`
}

interface Lists {
  limits: Record<string, string>
  requests: Record<string, string>
}
