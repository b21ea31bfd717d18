import type { Decision, Step } from '../framework/action.ts'
import { compareText } from '../framework/support/order.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'
import { interval, keyOfService, nodePortsOf, warn } from './service.ts'

/** First and last node port. */
export type PortRange = readonly [first: number, last: number]

/**
 * Tells of node ports that cannot be the service's. `holders`: of a port, the service itself among them; the first of
 * them by key keeps it. Source: portallocator/controller/repair.go.
 */
export function reconcilePorts(
  service: ServiceView,
  holders: (port: number) => readonly ServiceView[],
  [first, last]: PortRange,
): Decision {
  const seen = new Set<number>()
  const steps = nodePortsOf(service).flatMap((port): Step[] => {
    if (port < first || port > last) {
      const told = `Port ${port} is not within the port range ${first}-${last}; please recreate service`
      return [warn(service, 'PortOutOfRange', told)]
    }
    const [holder] = holders(port).map(keyOfService).sort(compareText)
    const isTaken = seen.has(port) || (holder !== undefined && holder !== keyOfService(service))
    seen.add(port)
    const told = `Port ${port} was assigned to multiple services; please recreate service`
    return isTaken ? [warn(service, 'PortAlreadyAllocated', told)] : []
  })
  return { steps, ...(steps.length ? { requeueAfter: interval } : {}) }
}
