import { ipAddresses, services } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, type Decision, type Step } from '../framework/action.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'
import { allocator, managedBy, removeRecord } from './addresses.ts'
import { clusterIpsOf, type RecordView } from './service.ts'

/**
 * Removes the object of an address that its service no longer has. The service is read live: it may be younger than the
 * cache. Source: syncIPAddress, ipallocator/controller/repairip.go.
 */
export function reconcileRecord(record: RecordView, service: (key: string) => ServiceView | undefined): Decision {
  const { labels, name: ip = '' } = record.metadata ?? {}
  if (labels?.[managedBy] !== allocator) return nothing
  const { group, resource, namespace = '', name = '' } = record.spec?.parentRef ?? {}
  const warn = (reason: string, message: string) => event(referenceTo(ipAddresses, record), 'Warning', reason, message)
  if (group || resource !== 'services') {
    const parent = `${resource ?? ''}${group ? `.${group}` : ''} ${namespace}/${name}`
    const told = `IPAddress ${ip} appears to have been modified, not referencing a Service ${parent}: cleaning up`
    return { steps: [warn('IPAddressNotAllocated', told), removeRecord(record)] }
  }
  const cached = service(`${namespace}/${name}`)
  if (cached && clusterIpsOf(cached).includes(ip)) return nothing
  const then = (found: ServiceView | undefined): Step[] => {
    const ips = found ? clusterIpsOf(found) : []
    if (ips.includes(ip)) return []
    // A service that has gone, or has become one without an address, has given it back.
    const told = `IPAddress: ${ip} for Service ${namespace}/${name} has a wrong reference; cleaning up`
    return [...(ips.length ? [warn('IPAddressWrongReference', told)] : []), removeRecord(record)]
  }
  return {
    steps: [{ verb: 'read', type: services, key: { namespace, name }, then: (found) => then(found as ServiceView) }],
  }
}
