import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../../loose.ts'

export type ServiceSpec = Loose<v1.ServiceSpec> & { trafficDistribution?: string | undefined }
export type ServicePort = Loose<v1.ServicePort>
export type Service = KubeObject & { spec?: ServiceSpec; status?: Loose<v1.ServiceStatus> }

export const needsClusterIp = ({ spec }: Service): boolean => spec?.type !== 'ExternalName'
export const needsNodePort = ({ spec }: Service): boolean =>
  spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
export const hasNodePorts = ({ spec }: Service): boolean => spec?.type === 'NodePort' || spec?.type === 'LoadBalancer'
export const needsHealthCheck = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
/** By node ports, a balancer or external addresses. */
export const isExternallyAccessible = (service: Service): boolean =>
  hasNodePorts(service) || (service.spec?.type === 'ClusterIP' && (service.spec.externalIPs?.length ?? 0) > 0)
export const isHeadless = ({ spec }: Service): boolean =>
  spec?.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None'
