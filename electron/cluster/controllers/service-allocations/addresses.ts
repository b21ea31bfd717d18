import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Frozen } from '#shared/kube/object.ts'
import { ipAddresses, type ServiceCidr } from '#shared/kube/resources.ts'
import { isAlreadyExists, isConflict, isNotFound } from '#shared/kube/status.ts'
import { create, remove, type Decision, type Step } from '../framework/action.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'
import { clusterIpsOf, interval, warn, type RecordView } from './service.ts'

export interface Observed {
  readonly service: ServiceView
  readonly isInRange: (ip: string) => boolean
  readonly record: (ip: string) => RecordView | undefined
  /** Of a key. */
  readonly other: (key: string) => ServiceView | undefined
  /** Whether the service had this object and somebody took it away. */
  readonly isLost: (ip: string) => boolean
}

export const managedBy = 'ipaddress.kubernetes.io/managed-by'
export const allocator = 'ipallocator.k8s.io'
const familyLabel = 'ipaddress.kubernetes.io/ip-family'

const familyOf = (ip: string): string => (isIPv6(ip) ? 'IPv6' : 'IPv4')

/** Gives each cluster IP its object. Source: syncService, ipallocator/controller/repairip.go. */
export function reconcileAddresses(observed: Observed): Decision {
  const steps: Step[] = []
  let wrong = false
  for (const ip of clusterIpsOf(observed.service)) {
    const done = stepsFor(ip, observed)
    steps.push(...done)
    wrong ||= done.some(({ verb }) => verb === 'event')
  }
  return { steps, ...(wrong ? { requeueAfter: interval } : {}) }
}

function stepsFor(ip: string, { service, isInRange, record: recordOf, other, isLost }: Observed): Step[] {
  const { namespace = '', name = '' } = service.metadata ?? {}
  const family = familyOf(ip)
  if (!isIP(ip))
    return [warn(service, 'ClusterIPNotValid', `Cluster IP ${ip} is not a valid IP; please recreate Service`)]
  if (!isInRange(ip)) {
    const message = `Cluster IP [${family}]: ${ip} is not within any configured Service CIDR; please recreate service`
    return [warn(service, 'ClusterIPOutOfRange', message)]
  }
  const make = create(ipAddresses, recordFor(ip, service), { tolerate: isAlreadyExists })
  const record = recordOf(ip)
  if (!record) {
    const told = `Cluster IP [${family}]: ${ip} is not allocated; repairing`
    return [...(isLost(ip) ? [warn(service, 'ClusterIPNotAllocated', told)] : []), make]
  }
  const again = [removeRecord(record), make]
  const { group, resource, namespace: parentNamespace, name: parentName } = record.spec?.parentRef ?? {}
  const isOwn = !group && resource === 'services' && parentNamespace === namespace && parentName === name
  if (!isOwn) {
    const parent = !group && resource === 'services' ? other(`${parentNamespace}/${parentName}`) : undefined
    if (!parent) {
      const told = `the ClusterIP [${family}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`
      return [warn(service, 'ClusterIPNotAllocated', told), ...again]
    }
    if (!clusterIpsOf(parent).includes(ip)) return []
    const told = `Cluster IP [${family}]:${ip} was assigned to multiple services; please recreate service`
    return [warn(service, 'ClusterIPAlreadyAllocated', told)]
  }
  const labels = record.metadata?.labels
  return labels?.[familyLabel] === family && labels[managedBy] === allocator ? [] : again
}

export const removeRecord = (record: RecordView): Step => {
  const { uid } = record.metadata ?? {}
  const options = { preconditions: uid ? { uid } : {} }
  return remove(ipAddresses, record, { options, tolerate: (error) => isNotFound(error) || isConflict(error) })
}

function recordFor(ip: string, { metadata }: ServiceView): RecordView {
  const { namespace = '', name = '' } = metadata ?? {}
  return {
    metadata: { name: ip, labels: { [familyLabel]: familyOf(ip), [managedBy]: allocator } },
    spec: { parentRef: { group: '', resource: 'services', namespace, name } },
  }
}

/** Whether an address is in any of the ranges for services. */
export function rangesOf(cidrs: readonly Frozen<ServiceCidr>[]): (ip: string) => boolean {
  const ranges = new BlockList()
  for (const cidr of cidrs.flatMap(({ spec }) => spec?.cidrs ?? [])) {
    const [address = '', bits] = cidr.split('/')
    ranges.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return (ip) => ranges.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
}
