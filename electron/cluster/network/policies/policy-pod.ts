import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { Protocol } from '../api.ts'
import type { PolicyPod } from './decide.ts'

/**
 * Undefined for a pod that has no address of its own: not yet, no more, or that of its node. `ip`: the address that it
 * has, whatever its status says.
 */
export function policyPod({ metadata, spec, status }: Frozen<Pod>, ip?: string): PolicyPod | undefined {
  const own = ip ?? addressOf(spec, status)
  if (own === undefined) return undefined
  const restartable = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return {
    ip: own,
    namespace: metadata?.namespace ?? '',
    labels: metadata?.labels,
    ports: [...(spec?.containers ?? []), ...restartable]
      .flatMap(({ ports }) => ports ?? [])
      .map(({ name, protocol, containerPort }) => ({
        name,
        protocol: (protocol ?? 'TCP') as Protocol,
        port: containerPort,
      })),
  }
}

function addressOf(spec: Frozen<Pod>['spec'], status: Frozen<Pod>['status']): string | undefined {
  // The address of a pod that has ended may be another's by now.
  if (spec?.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined
  return [status?.podIP, ...(status?.podIPs ?? []).map((each) => each.ip)].find((each) => each?.includes('.'))
}
