/**
 * How the node agent that listens for LoadBalancer services tells the service-lb controller what it could bind: as JSON
 * in this annotation of the Service. The controller turns it into `status.loadBalancer`, so that only one writes status.
 */
export const loadBalancerAnnotation = 'wheelhouse.dev/load-balancer'

/** The class of services that Wheelhouse serves besides those without a class. */
export const loadBalancerClass = 'wheelhouse.dev/localhost'

export interface LoadBalancerPort {
  /** The port of the service. */
  readonly port: number
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  /** Where it is reached on localhost; absent when nothing could be bound. Differs from `port` where that was refused. */
  readonly bound?: number
  /** Why `port` itself could not be bound, one word as conditions have it: PortInUse, PermissionDenied. */
  readonly error?: string
  /** The same for people, in a sentence that also says what is served instead. */
  readonly message?: string
}

export interface LoadBalancerReport {
  /** uid of the service, so that a report does not outlive it under a name used again. */
  readonly uid: string
  readonly ports: readonly LoadBalancerPort[]
}

/** Ports in order, so that equal reports are equal texts. */
export const formatLoadBalancerReport = ({ uid, ports }: LoadBalancerReport): string =>
  JSON.stringify({ uid, ports: [...ports].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1)) })

/** Undefined when there is none, it is of another service or it is not readable. */
export function parseLoadBalancerReport(
  text: string | undefined,
  uid: string | undefined,
): LoadBalancerReport | undefined {
  if (!text) return undefined
  try {
    const report = JSON.parse(text) as LoadBalancerReport
    return report.uid === uid && Array.isArray(report.ports) ? report : undefined
  } catch {
    return undefined
  }
}
