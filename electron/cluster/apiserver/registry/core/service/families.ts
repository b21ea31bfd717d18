import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../../equal.ts'
import { duplicate, invalid, notSupported, required } from '../../validation/field.ts'
import { isIpv6, validateIp } from '../../validation/ips.ts'
import { isHeadless, needsClusterIp, needsHealthCheck, needsNodePort, type Service } from './types.ts'

const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
const families = ['IPv4', 'IPv6']

/** Everything about addresses that can be said before any is allocated. Answers what is wrong. */
export function prepareAddresses(service: Service, old: Service | undefined): FieldError[] {
  service.spec ??= {}
  if (old) keepAllocated(service, old)
  normalizeClusterIps(service, old)
  return initializeFamilies(service, old)
}

/** clusterIP and clusterIPs are two writings of one thing: brings them together, as far as one of them is clear. */
function normalizeClusterIps(service: Service, old: Service | undefined): void {
  const spec = service.spec!
  const { clusterIP = '', clusterIPs = [] } = spec
  if (!old) {
    if (clusterIP && !clusterIPs.length) spec.clusterIPs = [clusterIP]
    return
  }
  const before = old.spec!
  if (clusterIP !== (before.clusterIP ?? '') && semanticEqual(clusterIPs, before.clusterIPs)) {
    if (clusterIP) spec.clusterIPs = [clusterIP]
    else delete spec.clusterIPs
  }
}

/** What a client left out that was allocated before stays as it is. */
function keepAllocated(service: Service, old: Service): void {
  const spec = service.spec!
  const before = old.spec!
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP
    if (!spec.clusterIPs?.length && spec.clusterIP === before.clusterIP && before.clusterIPs)
      spec.clusterIPs = [...before.clusterIPs]
  }
  if (needsNodePort(old) && needsNodePort(service)) {
    const oldPorts = new Map((before.ports ?? []).map((port) => [port.name ?? '', port.nodePort ?? 0]))
    const oldUsed = new Set(oldPorts.values())
    const used = new Set(
      (spec.ports ?? []).flatMap(({ nodePort }) => (nodePort && oldUsed.has(nodePort) ? [nodePort] : [])),
    )
    for (const port of spec.ports ?? []) {
      const known = oldPorts.get(port.name ?? '')
      if (port.nodePort || !known || used.has(known)) continue
      port.nodePort = known
      used.add(known)
    }
  }
  if (needsHealthCheck(old) && needsHealthCheck(service)) spec.healthCheckNodePort ||= before.healthCheckNodePort
}

/**
 * Fills policy and families, for a cluster that has IPv4 only. Answers what is wrong; nothing more should be done then.
 * Source: initIPFamilyFields.
 */
function initializeFamilies(service: Service, old: Service | undefined): FieldError[] {
  const spec = service.spec!
  if (!needsClusterIp(service)) return []
  const selectorless = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0
  spec.ipFamilyPolicy ??= old?.spec?.ipFamilyPolicy ?? (selectorless ? 'RequireDualStack' : 'SingleStack')
  const errors = validateAddresses(service)
  if (errors.length) return errors
  if (old && spec.ipFamilyPolicy === 'SingleStack') {
    if (semanticEqual(spec.clusterIPs, old.spec?.clusterIPs)) spec.clusterIPs = spec.clusterIPs?.slice(0, 1)
    if (semanticEqual(spec.ipFamilies, old.spec?.ipFamilies)) spec.ipFamilies = spec.ipFamilies?.slice(0, 1)
  }
  const policy = spec.ipFamilyPolicy
  const dualOnly = (what: string) =>
    invalid(
      'spec.ipFamilyPolicy',
      policy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    )
  if (policy === 'SingleStack' && spec.clusterIPs?.length === 2) errors.push(dualOnly('cluster IPs'))
  if (policy === 'SingleStack' && spec.ipFamilies?.length === 2) errors.push(dualOnly('IP families'))
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') break
    if (i < (spec.ipFamilies?.length ?? 0)) continue
    if (isIpv6(ip))
      errors.push(invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, 'IPv6 is not configured on this cluster'))
    else (spec.ipFamilies ??= []).push('IPv4')
  }
  if (errors.length) return errors
  if (selectorless) {
    const own = (spec.ipFamilies ??= [])
    if (!own.length) own.push('IPv4')
    if (own.length < 2 && policy !== 'SingleStack') own.push(own[0] === 'IPv4' ? 'IPv6' : 'IPv4')
    return []
  }
  if (policy === 'RequireDualStack') {
    errors.push(invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services'))
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (family !== 'IPv4') errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'))
  }
  if (!errors.length && !spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
  return errors
}

/** Source: ValidateServiceClusterIPsRelatedFields. */
export function validateAddresses(service: Service): FieldError[] {
  if (!needsClusterIp(service)) return []
  const { clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = service.spec ?? {}
  const errors: FieldError[] = []
  const path = 'spec.clusterIPs'
  if (clusterIP !== '') {
    if (!clusterIPs.length) errors.push(required(path))
    else if (clusterIPs[0] !== clusterIP) errors.push(invalid(path, clusterIPs, 'first value must match `clusterIP`'))
  } else if (clusterIPs.length)
    errors.push(invalid(path, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  for (const [i, family] of ipFamilies.entries()) {
    if (!families.includes(family)) errors.push(notSupported(`spec.ipFamilies[${i}]`, family, families))
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family))
  }
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) {
    errors.push(notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, policies))
  }
  let malformed = false
  for (const [i, ip] of clusterIPs.entries()) {
    if (i === 0 && ip === 'None') {
      if (clusterIPs.length > 1) errors.push(invalid(path, clusterIPs, "'None' must be the first and only value"))
      malformed ||= clusterIPs.length > 1
      continue
    }
    const wrong = validateIp(ip, `${path}[${i}]`)
    malformed ||= wrong.length > 0
    errors.push(...wrong)
  }
  if (clusterIPs.length > 2) errors.push(invalid(path, clusterIPs, 'may only hold up to 2 values'))
  if (malformed) return errors
  if (clusterIPs.length > 1 && new Set(clusterIPs.map(isIpv6)).size < 2) {
    errors.push(invalid(path, clusterIPs, 'may specify no more than one IP for each IP family'))
  }
  if (isHeadless(service)) return errors
  for (const [i, ip] of clusterIPs.entries()) {
    const family = ipFamilies[i]
    if (family !== undefined && (family === 'IPv6') !== isIpv6(ip)) {
      errors.push(invalid(`${path}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``))
    }
  }
  return errors
}
