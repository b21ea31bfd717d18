import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import { parseQuantity, valueOf } from '#shared/kube/quantity.ts'
import type { Container, Pod } from '../types.ts'

const guaranteed = -997
const bestEffort = 1000

/**
 * How soon the kernel ends a container when memory is short: first what promised nothing, then who asked for the smaller
 * part of the machine. `capacity`: its memory in bytes. Source: pkg/kubelet/qos/policy.go.
 */
export function oomScore(pod: Pod, container: Container, capacity: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return guaranteed
  const quality = qualityOfService(pod.spec)
  if (quality === 'Guaranteed') return guaranteed
  if (quality === 'BestEffort') return bestEffort
  const request = container.resources?.requests?.['memory']
  const score = bestEffort - Math.floor((bestEffort * (request ? valueOf(parseQuantity(request)) : 0)) / capacity)
  return Math.min(bestEffort - 1, Math.max(bestEffort + guaranteed, score))
}
