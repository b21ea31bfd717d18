import { podAmounts } from '#shared/kube/quota/amounts.ts'
import { milliValueOf, parseQuantity, valueOf, type Quantity } from '#shared/kube/quantity.ts'
import type { Resources } from '../../runtime/api.ts'
import {
  containersOf,
  initContainersOf,
  isSidecar,
  latestContainer,
  type Container,
  type Pod,
  type PodRuntime,
} from '../types.ts'

type Amount = Quantity | undefined

const milli = (amount: Amount): number => (amount ? milliValueOf(amount) : 0)
const parsed = (text: string | undefined): Amount => (text ? parseQuantity(text) : undefined)

function resources(limits: { cpu: Amount; memory: Amount }, cpuRequest: Amount): Resources {
  const [cpuLimitMilli, cpuRequestMilli] = [milli(limits.cpu), milli(cpuRequest)]
  const memoryLimitBytes = limits.memory ? valueOf(limits.memory) : 0
  return {
    ...(cpuLimitMilli ? { cpuLimitMilli } : {}),
    ...(cpuRequestMilli ? { cpuRequestMilli } : {}),
    ...(memoryLimitBytes ? { memoryLimitBytes } : {}),
  }
}

/** What the kernel is to hold a container to; a limit of CPU alone is a request for as much. */
export function containerResources({ resources: wanted }: Container): Resources {
  const { requests, limits } = wanted ?? {}
  const [cpu, memory] = [parsed(limits?.cpu), parsed(limits?.memory)]
  return resources({ cpu, memory }, parsed(requests?.cpu) ?? cpu)
}

/**
 * What the kernel is to hold a pod to: a limit only where every container has one, or the pod itself does. Source:
 * ResourceConfigForPod.
 */
export function podResources(pod: Pod): Resources {
  const limits = podAmounts(pod.spec, 'limits')
  const containers = [...containersOf(pod), ...initContainersOf(pod)]
  const ofPod = (pod.spec as { resources?: Container['resources'] } | undefined)?.resources?.limits
  const limit = (name: 'cpu' | 'memory'): Amount =>
    ofPod?.[name] || containers.every((container) => container.resources?.limits?.[name]) ? limits.get(name) : undefined
  return resources({ cpu: limit('cpu'), memory: limit('memory') }, podAmounts(pod.spec, 'requests').get('cpu'))
}

export const sameResources = (a: Resources, b: Resources): boolean =>
  a.cpuLimitMilli === b.cpuLimitMilli &&
  a.cpuRequestMilli === b.cpuRequestMilli &&
  a.memoryLimitBytes === b.memoryLimitBytes

/** Enough for both: what a pod is held to while its containers go from one to the other. */
export function atLeast(a: Resources, b: Resources): Resources {
  const most = (name: 'cpuLimitMilli' | 'memoryLimitBytes') => {
    const [one, other] = [a[name], b[name]]
    return one && other ? { [name]: Math.max(one, other) } : {}
  }
  const cpuRequestMilli = Math.max(a.cpuRequestMilli ?? 0, b.cpuRequestMilli ?? 0)
  return { ...most('cpuLimitMilli'), ...(cpuRequestMilli ? { cpuRequestMilli } : {}), ...most('memoryLimitBytes') }
}

/** Containers whose resources may change while they run. */
export const resizableContainersOf = (pod: Pod): Container[] => [
  ...initContainersOf(pod).filter(isSidecar),
  ...containersOf(pod),
]

/** Whether a running container does not have what the pod was given. */
export const isResizing = (pod: Pod, runtime: PodRuntime): boolean =>
  resizableContainersOf(pod).some((container) => {
    const last = latestContainer(runtime, container.name)
    return last?.state === 'running' && resizeOf(container, last.resources) !== undefined
  })

/** What must happen to a running container so that it gets other resources; undefined when it has them. */
export function resizeOf(container: Container, inForce: Resources): 'update' | 'restart' | undefined {
  const wanted = containerResources(container)
  if (sameResources(wanted, inForce)) return undefined
  const changed = new Set<string>()
  if (wanted.memoryLimitBytes !== inForce.memoryLimitBytes) changed.add('memory')
  if (wanted.cpuLimitMilli !== inForce.cpuLimitMilli || wanted.cpuRequestMilli !== inForce.cpuRequestMilli)
    changed.add('cpu')
  const restarts = container.resizePolicy?.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.has(resourceName),
  )
  return restarts ? 'restart' : 'update'
}
