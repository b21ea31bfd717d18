import { isExternallyAccessible, type Service } from './types.ts'

/** Source: SetDefaults_Service. */
export function defaultService(service: Service): void {
  const spec = (service.spec ??= {})
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } }
  }
  spec.type ||= 'ClusterIP'
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    port.targetPort ||= port.port ?? 0
  }
  const routed = ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type)
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= 'Cluster'
  if (routed) spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type !== 'LoadBalancer') return
  spec.allocateLoadBalancerNodePorts ??= true
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip) (ingress as { ipMode?: string }).ipMode ??= 'VIP'
  }
}
