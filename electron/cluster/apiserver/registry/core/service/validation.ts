import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../../equal.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { parsesAsIp, validateCidr, validateIp, validateOrdinaryIp } from '../../validation/ips.ts'
import { validateLabels } from '../../validation/labels.ts'
import { isDnsLabel, isDnsSubdomain, isQualifiedName } from '../../validation/names.ts'
import { portNumber, portNumberOrName } from '../../validation/numbers.ts'
import { oneOf, protocols } from '../pod/containers.ts'
import { validateAddresses } from './families.ts'
import { isExternallyAccessible, isHeadless, needsHealthCheck, type Service, type ServicePort } from './types.ts'

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const scopes = ['Cluster', 'Local']
const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone']
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges'

/** Source: ValidateService, but for what is only allocated after validation. */
export function validateService(service: Service): FieldError[] {
  const { metadata, spec = {} } = service
  const { type = '', ports = [], sessionAffinity = '' } = spec
  const errors: FieldError[] = []
  const mode = metadata?.annotations?.['service.kubernetes.io/topology-mode']
  const hints = metadata?.annotations?.['service.kubernetes.io/topology-aware-hints']
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    const text = 'must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified'
    errors.push(invalid('metadata.annotations[service.kubernetes.io/topology-mode]', mode, text))
  }
  if (!ports.length && !isHeadless(service) && type !== 'ExternalName') errors.push(required('spec.ports'))
  errors.push(...validateTypeFields(service))
  errors.push(...validatePorts(ports))
  errors.push(...validateLabels(spec.selector, 'spec.selector'))
  errors.push(
    ...oneOf(sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity'),
    ...validateAffinityConfig(service),
  )
  errors.push(...validateAddresses(service))
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    const wrong = validateIp(ip, `spec.externalIPs[${i}]`)
    errors.push(...(wrong.length ? wrong : validateOrdinaryIp(ip, `spec.externalIPs[${i}]`)))
  }
  errors.push(...oneOf(type, types, 'spec.type'))
  errors.push(...validatePortUse(type, ports))
  errors.push(...validateBalancer(service))
  errors.push(...validateTraffic(service))
  return errors
}

function validateTypeFields(service: Service): FieldError[] {
  const { type, externalName = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = service.spec ?? {}
  if (type === 'LoadBalancer' || type === 'NodePort') {
    return isHeadless(service)
      ? [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`)]
      : []
  }
  if (type !== 'ExternalName') return []
  const text = 'may not be set for ExternalName services'
  // A trailing dot marks a name as fully qualified.
  const name = externalName.endsWith('.') ? externalName.slice(0, -1) : externalName
  return [
    ...(clusterIPs.length ? [forbidden('spec.clusterIPs', text)] : []),
    ...(ipFamilies.length ? [forbidden('spec.ipFamilies', text)] : []),
    ...(ipFamilyPolicy === undefined ? [] : [forbidden('spec.ipFamilyPolicy', text)]),
    ...(name ? asInvalid('spec.externalName', name, isDnsSubdomain(name)) : [required('spec.externalName')]),
  ]
}

function validatePorts(ports: readonly ServicePort[]): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, i) => {
    const at = `spec.ports[${i}]`
    const { name = '' } = port
    const errors: FieldError[] = []
    if (!name && ports.length > 1) errors.push(required(`${at}.name`))
    if (name) {
      errors.push(...asInvalid(`${at}.name`, name, isDnsLabel(name)))
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
    }
    errors.push(...asInvalid(`${at}.port`, port.port ?? 0, portNumber(port.port)))
    errors.push(...oneOf(port.protocol, protocols, `${at}.protocol`))
    errors.push(...portNumberOrName(port.targetPort, `${at}.targetPort`))
    if (port.appProtocol !== undefined)
      errors.push(...asInvalid(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol)))
    return errors
  })
}

function validateAffinityConfig({ spec = {} }: Service): FieldError[] {
  const config = spec.sessionAffinityConfig
  const path = 'spec.sessionAffinityConfig'
  if (spec.sessionAffinity === 'None')
    return config ? [forbidden(path, 'must not be set when session affinity is None')] : []
  if (spec.sessionAffinity !== 'ClientIP') return []
  const text = 'when session affinity type is ClientIP'
  if (!config) return [required(path, text)]
  if (!config.clientIP) return [required(`${path}.clientIP`, text)]
  const seconds = config.clientIP.timeoutSeconds
  if (seconds === undefined) return [required(`${path}.clientIP.timeoutSeconds`, text)]
  return seconds <= 0 || seconds > 86400
    ? [invalid(`${path}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400')]
    : []
}

/** Node ports only where the type has them, and nothing twice. */
function validatePortUse(type: string, ports: readonly ServicePort[]): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, { nodePort }] of ports.entries()) {
    if (type === 'ClusterIP' && nodePort)
      errors.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"))
  }
  const nodePorts = new Set<string>()
  for (const [i, { nodePort, protocol = '' }] of ports.entries()) {
    if (!nodePort) continue
    if (nodePorts.has(`${protocol}/${nodePort}`)) errors.push(duplicate(`spec.ports[${i}].nodePort`, nodePort))
    nodePorts.add(`${protocol}/${nodePort}`)
  }
  const own = new Set<string>()
  for (const [i, { port = 0, protocol = '' }] of ports.entries()) {
    const internal = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
    if (own.has(`${protocol}/${port}`)) errors.push(duplicate(`spec.ports[${i}]`, internal))
    own.add(`${protocol}/${port}`)
  }
  return errors
}

function validateBalancer(service: Service): FieldError[] {
  const { metadata, spec = {} } = service
  const balanced = spec.type === 'LoadBalancer'
  const only = "may only be used when `type` is 'LoadBalancer'"
  const errors: FieldError[] = []
  const written = metadata?.annotations?.[rangesAnnotation]
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges'
    if (!balanced) errors.push(forbidden(path, only))
    for (const [i, range] of spec.loadBalancerSourceRanges.entries())
      errors.push(...validateCidr(range.trim(), `${path}[${i}]`))
  } else if (written !== undefined) {
    const path = `metadata.annotations[${rangesAnnotation}]`
    if (!balanced) errors.push(forbidden(path, only))
    if (written.trim()) for (const range of written.split(',')) errors.push(...validateCidr(range.trim(), path))
  }
  if (!balanced && spec.allocateLoadBalancerNodePorts !== undefined)
    errors.push(forbidden('spec.allocateLoadBalancerNodePorts', only))
  if (balanced && spec.allocateLoadBalancerNodePorts === undefined)
    errors.push(required('allocateLoadBalancerNodePorts'))
  errors.push(...validateBalancerClass(service))
  return errors
}

function validateBalancerClass({ spec = {} }: Service): FieldError[] {
  const path = 'spec.loadBalancerClass'
  if (spec.loadBalancerClass === undefined) return []
  return spec.type === 'LoadBalancer'
    ? asInvalid(path, spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass))
    : [forbidden(path, "may only be used when `type` is 'LoadBalancer'")]
}

function validateTraffic(service: Service): FieldError[] {
  const { spec = {} } = service
  const external = spec.externalTrafficPolicy ?? ''
  const errors: FieldError[] = []
  if (isExternallyAccessible(service)) errors.push(...oneOf(external, scopes, 'spec.externalTrafficPolicy'))
  else if (external)
    errors.push(invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'))
  const health = spec.healthCheckNodePort ?? 0
  if (needsHealthCheck(service)) {
    // None yet: one will be allocated.
    if (health) errors.push(...asInvalid('spec.healthCheckNodePort', health, portNumber(health)))
  } else if (health) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(invalid('spec.healthCheckNodePort', health, text))
  }
  const internal = spec.internalTrafficPolicy
  if (internal === undefined) {
    if (['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? ''))
      errors.push(required('spec.internalTrafficPolicy'))
  } else if (!scopes.includes(internal)) errors.push(notSupported('spec.internalTrafficPolicy', internal, scopes))
  const distribution = spec.trafficDistribution
  if (distribution !== undefined && !distributions.includes(distribution)) {
    errors.push(notSupported('spec.trafficDistribution', distribution, distributions))
  }
  return errors
}

/** Source: ValidateServiceUpdate. */
export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const errors = [...validateAddressChange(service, old), ...validateFamilyChange(service, old)]
  const sameType = service.spec?.type === 'LoadBalancer' && old.spec?.type === 'LoadBalancer'
  if (sameType && service.spec?.loadBalancerClass !== old.spec?.loadBalancerClass) {
    errors.push(invalid('spec.loadBalancerClass', service.spec?.loadBalancerClass, 'may not change once set'))
  }
  errors.push(...validateBalancerClass(service))
  if (
    needsHealthCheck(old) &&
    needsHealthCheck(service) &&
    service.spec?.healthCheckNodePort !== old.spec?.healthCheckNodePort
  ) {
    errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'))
  }
  return [...errors, ...validateService(service)]
}

function validateAddressChange(service: Service, old: Service): FieldError[] {
  if (service.spec?.type === 'ExternalName' || old.spec?.type === 'ExternalName') return []
  if (isHeadless(service) && isHeadless(old)) return []
  const now = service.spec?.clusterIPs ?? []
  const before = old.spec?.clusterIPs ?? []
  const path = 'spec.clusterIPs'
  if (now.length === before.length) {
    return before.flatMap((ip, i) => (ip === now[i] ? [] : [invalid(`${path}[${i}]`, now, 'may not change once set')]))
  }
  const errors: FieldError[] = []
  if (!now.length) errors.push(invalid(`${path}[0]`, now, 'primary clusterIP can not be unset'))
  else if (before.length && now[0] !== before[0]) errors.push(invalid(`${path}[0]`, now, 'may not change once set'))
  if (now.length === 1 && before.length > 1 && service.spec?.ipFamilyPolicy !== 'SingleStack') {
    const text = "must be set to 'SingleStack' when releasing the secondary clusterIP"
    errors.push(invalid('spec.ipFamilyPolicy', service.spec?.ipFamilyPolicy, text))
  }
  return errors
}

function validateFamilyChange(service: Service, old: Service): FieldError[] {
  if (service.spec?.type === 'ExternalName' || old.spec?.type === 'ExternalName') return []
  if (isHeadless(service) || isHeadless(old)) return []
  const now = service.spec?.ipFamilies ?? []
  const before = old.spec?.ipFamilies ?? []
  const errors: FieldError[] = []
  if (now.length === before.length) {
    if (!semanticEqual(now, before)) errors.push(invalid('spec.ipFamilies[0]', now, 'may not change once set'))
    return errors
  }
  if (before.length && now.length && now[0] !== before[0]) {
    errors.push(invalid('spec.ipFamilies[0]', service.spec?.clusterIPs, 'may not change once set'))
  }
  if (now.length < before.length && !service.spec?.clusterIPs?.length)
    errors.push(invalid('spec.ipFamilies[0]', now, 'primary ipFamily can not be unset'))
  if (now.length === 1 && before.length > 1 && service.spec?.ipFamilyPolicy !== 'SingleStack') {
    const text = "must be set to 'SingleStack' when releasing the secondary ipFamily"
    errors.push(invalid('spec.ipFamilyPolicy', service.spec?.ipFamilyPolicy, text))
  }
  return errors
}

interface Ingress {
  ip?: string | undefined
  ipMode?: string | undefined
  hostname?: string | undefined
}

/** Source: ValidateLoadBalancerStatus. */
export function validateServiceStatus(service: Service): FieldError[] {
  const path = 'status.loadBalancer.ingress'
  const list = (service.status?.loadBalancer?.ingress ?? []) as Ingress[]
  if (list.length && service.spec?.type !== 'LoadBalancer')
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
  return list.flatMap(({ ip = '', ipMode, hostname = '' }, i) => {
    const at = `${path}[${i}]`
    const errors = ip ? validateIp(ip, `${at}.ip`) : []
    if (ip && ipMode === undefined) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'))
    else if (!ip && ipMode !== undefined)
      errors.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'))
    else if (ipMode !== undefined && ipMode !== 'VIP' && ipMode !== 'Proxy')
      errors.push(notSupported(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']))
    if (hostname) {
      errors.push(...asInvalid(`${at}.hostname`, hostname, isDnsSubdomain(hostname)))
      if (parsesAsIp(hostname))
        errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'))
    }
    return errors
  })
}
