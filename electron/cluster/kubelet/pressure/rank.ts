import { amountsOf, podAmounts } from '#shared/kube/quota/amounts.ts'
import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import { formatQuantity, quantityOf, valueOf } from '#shared/kube/quantity.ts'
import type { Rejection } from '../admission/admission.ts'
import { sourceAnnotation } from '../static-pods/manifest.ts'
import { containersOf, type Pod } from '../types.ts'
import type { PressureType, Shortage } from './thresholds.ts'

/** What a pod uses of a resource, by container; what belongs to none has the name ''. */
export type Usage = ReadonlyMap<string, number>

const systemCritical = 2_000_000_000

/** Pods that the node or the cluster cannot do without are never evicted. Source: types.IsCriticalPod. */
export const isCritical = ({ metadata, spec }: Pod): boolean =>
  metadata?.annotations?.[sourceAnnotation] === 'file' || (spec?.priority ?? 0) >= systemCritical

const requested = (pod: Pod, resource: string): number => {
  const amount = podAmounts(pod.spec, 'requests').get(resource)
  return amount ? valueOf(amount) : 0
}
const total = (usage: Usage): number => [...usage.values()].reduce((sum, bytes) => sum + bytes, 0)

/** Who goes first: over its requests, then of low priority, then by how far it is over. Source: eviction helpers. */
export function rank<T extends { pod: Pod; usage: Usage }>(candidates: readonly T[], resource: string): T[] {
  const over = ({ pod, usage }: T) => total(usage) - requested(pod, resource)
  return candidates
    .filter(({ pod }) => !isCritical(pod))
    .toSorted(
      (a, b) =>
        Number(over(b) > 0) - Number(over(a) > 0) ||
        (a.pod.spec?.priority ?? 0) - (b.pod.spec?.priority ?? 0) ||
        over(b) - over(a),
    )
}

/** Source: eviction helpers' evictionMessage. */
export function evictionMessage({ resource, threshold, available }: Shortage, pod: Pod, usage: Usage): string {
  const larger = containersOf(pod).flatMap(({ name, resources }) => {
    const used = usage.get(name)
    const request = amountsOf(resources?.requests).get(resource)
    if (used === undefined || used <= (request ? valueOf(request) : 0)) return []
    const shown = formatQuantity(quantityOf(Math.floor(used / 1024) * 1024, 'BinarySI'))
    const asked = request ? formatQuantity(request) : '0'
    return [`Container ${name} was using ${shown}, request is ${asked}, has larger consumption of ${resource}. `]
  })
  return `The node was low on resource: ${resource}. Threshold quantity: ${threshold}, available: ${available}. ${larger.join('')}`
}

/** Why a node under pressure takes no such pod. Source: eviction manager's Admit. */
export function pressureRejection(pod: Pod, conditions: readonly PressureType[]): Rejection | undefined {
  if (!conditions.length || isCritical(pod)) return undefined
  const onlyMemory = conditions.every((type) => type === 'MemoryPressure')
  if (onlyMemory && (qualityOfService(pod.spec) !== 'BestEffort' || toleratesMemoryPressure(pod))) return undefined
  return { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` }
}

const memoryPressureTaint = 'node.kubernetes.io/memory-pressure'

const toleratesMemoryPressure = ({ spec }: Pod): boolean =>
  (spec?.tolerations ?? []).some(
    ({ key, operator, effect }) =>
      (!effect || effect === 'NoSchedule') && (key ? key === memoryPressureTaint : operator === 'Exists'),
  )
