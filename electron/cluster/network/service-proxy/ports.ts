import type { Protocol } from '../api.ts'
import type { PortProblem } from '../listeners/port-problem.ts'
import type { ServiceReference } from './rules.ts'

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
  /** Why `bound` is not `wanted`. */
  readonly problem: PortProblem | undefined
}

/** Called whenever the outcome for a Service has changed. The controllers write it down; the proxy knows no API. */
export type OnServicePorts = (service: ServiceReference, reports: readonly ServicePortReport[]) => void

/** What to try on localhost for a LoadBalancer: the port itself, then numbers that stay the same over restarts, then any. */
export function candidatePorts(wanted: number): number[] {
  const alternatives = [wanted < 1024 ? wanted + 8000 : wanted + 10_000, wanted + 20_000]
  return [wanted, ...alternatives.filter((port) => port < 65_536), 0]
}
