import type { IpAddress } from '#shared/kube/resources.ts'
import { services } from '#shared/kube/resources.ts'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, type Step } from '../framework/action.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'

export type RecordView = Frozen<IpAddress>

/** Milliseconds after which what is wrong is looked at, and told, again. */
export const interval = 180_000

export const keyOfService = (service: ServiceView): string => keyOf(service as KubeObject)

export const warn = (service: ServiceView, reason: string, message: string): Step =>
  event(referenceTo(services, service), 'Warning', reason, message)

/** None for headless services and external names. */
export const clusterIpsOf = ({ spec }: ServiceView): readonly string[] =>
  spec?.type === 'ExternalName' || !spec?.clusterIP || spec.clusterIP === 'None'
    ? []
    : (spec.clusterIPs ?? [spec.clusterIP])

/** Node ports as they are given out: one for several protocols counts once. */
export function nodePortsOf({ spec }: ServiceView): readonly number[] {
  const seen = new Set<string>()
  const ports: number[] = []
  for (const { nodePort, protocol = 'TCP' } of spec?.ports ?? []) {
    if (!nodePort) continue
    const first = !ports.includes(nodePort)
    if (first || seen.has(`${nodePort}/${protocol}`)) ports.push(nodePort)
    seen.add(`${nodePort}/${protocol}`)
  }
  const health = spec?.healthCheckNodePort
  return health ? [...ports, health] : ports
}
