import { cidrWarnings, ipWarnings } from '../../validation/ip-warnings.ts'
import type { Service } from './types.ts'

const hints = 'service.kubernetes.io/topology-aware-hints'

/** What a service says in vain, or will not be able to say for ever. Source: GetWarningsForService. */
export function serviceWarnings({ metadata, spec = {} }: Service): string[] {
  const { clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerIP = '', type } = spec
  const headless = type === 'ClusterIP' && clusterIP === 'None'
  const ignored = (field: string) => `spec.${field} is ignored for headless services`
  return [
    ...(metadata?.annotations?.[hints] === undefined
      ? []
      : [`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`]),
    ...(clusterIP && clusterIP !== 'None'
      ? clusterIPs.flatMap((ip, i) => ipWarnings(ip, `spec.clusterIPs[${i}]`))
      : []),
    ...(headless && loadBalancerIP ? [ignored('loadBalancerIP')] : []),
    ...(headless && externalIPs.length ? [ignored('externalIPs')] : []),
    ...(headless && spec.sessionAffinity !== 'None' ? [ignored('SessionAffinity')] : []),
    ...externalIPs.flatMap((ip, i) => ipWarnings(ip, `spec.externalIPs[${i}]`)),
    ...(externalIPs.length && !headless && type !== 'ExternalName'
      ? ['spec.externalIPs is deprecated and may no longer be implemented in some clusters']
      : []),
    ...ipWarnings(loadBalancerIP, 'spec.loadBalancerIP'),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((range, i) =>
      cidrWarnings(range, `spec.loadBalancerSourceRanges[${i}]`),
    ),
    ...(type === 'ExternalName' && externalIPs.length
      ? ['spec.externalIPs is ignored when spec.type is "ExternalName"']
      : []),
    ...(type !== 'ExternalName' && spec.externalName
      ? ['spec.externalName is ignored when spec.type is not "ExternalName"']
      : []),
    ...(spec.trafficDistribution === 'PreferClose'
      ? ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"']
      : []),
  ]
}
