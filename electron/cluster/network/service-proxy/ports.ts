import type { Protocol, ServiceReference } from './rules.ts'

/** Ports that could not be had are tried again so often, in milliseconds: their holder may have gone. */
export const retryMs = 30_000

/** How a port of a Service came out on this node; goes into events and into the Service's status. */
export interface ServicePortReport {
  readonly kind: 'NodePort' | 'LoadBalancer'
  readonly protocol: Protocol
  /** The Service's own number of the port. */
  readonly port: number
  /** The number that was asked for on the host. */
  readonly wanted: number
  /** The number that is served; undefined when none could be had. */
  readonly bound: number | undefined
  readonly address: string
  /** Why `bound` is not `wanted`: a CamelCase reason for events and status, and a sentence. */
  readonly problem:
    { readonly reason: 'PortInUse' | 'PortNotPermitted' | 'PortUnavailable'; readonly message: string } | undefined
}

/** Called whenever the outcome for a Service has changed. The controllers write it down; the proxy knows no API. */
export type OnServicePorts = (service: ServiceReference, reports: readonly ServicePortReport[]) => void

/** What to try on localhost for a LoadBalancer: the port itself, then numbers that stay the same over restarts, then any. */
export function candidatePorts(wanted: number): number[] {
  const alternatives = [wanted < 1024 ? wanted + 8000 : wanted + 10_000, wanted + 20_000]
  return [wanted, ...alternatives.filter((port) => port < 65_536), 0]
}

export function portProblem(
  error: NodeJS.ErrnoException,
  wanted: number,
  bound: number | undefined,
): NonNullable<ServicePortReport['problem']> {
  const instead = bound === undefined ? 'it is not served here.' : `port ${bound} is served instead.`
  if (error.code === 'EADDRINUSE') {
    return { reason: 'PortInUse', message: `Port ${wanted} of this machine is in use by another program: ${instead}` }
  }
  if (error.code === 'EACCES') {
    return { reason: 'PortNotPermitted', message: `Port ${wanted} may only be opened by an administrator: ${instead}` }
  }
  return { reason: 'PortUnavailable', message: `Port ${wanted} cannot be opened (${error.message}): ${instead}` }
}
