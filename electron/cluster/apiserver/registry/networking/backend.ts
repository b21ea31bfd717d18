import type * as v1 from 'kubernetes-types/networking/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, invalid, notSupported, required } from '../validation/field.ts'
import { parsesAsIp } from '../validation/ips.ts'
import {
  dnsLabel,
  dnsSubdomain,
  isDnsSubdomain,
  isPortName,
  isWildcardSubdomain,
  pathSegment,
} from '../validation/names.ts'
import { portNumber } from '../validation/numbers.ts'

export type IngressSpec = Loose<v1.IngressSpec>
type Backend = NonNullable<IngressSpec['defaultBackend']>
type Path = NonNullable<NonNullable<NonNullable<IngressSpec['rules']>[number]['http']>['paths']>[number]

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix']
const forbiddenParts = ['//', '/./', '/../', '%2f', '%2F']
const forbiddenEnds = ['/..', '/.']

export function validateRules(rules: IngressSpec['rules'], path: string): FieldError[] {
  return (rules ?? []).flatMap((rule, i) => {
    const errors: FieldError[] = []
    if (rule.host) errors.push(...validateHost(rule.host, `${path}[${i}].host`))
    if (!rule.http) return errors
    const paths = rule.http.paths ?? []
    if (!paths.length) errors.push(required(`${path}[${i}].http.paths`))
    for (const [j, each] of paths.entries()) errors.push(...validatePath(each, `${path}[${i}].http.paths[${j}]`))
    return errors
  })
}

function validateHost(host: string, path: string): FieldError[] {
  return [
    ...(parsesAsIp(host) ? [invalid(path, host, 'must be a DNS name, not an IP address')] : []),
    ...asInvalid(path, host, host.includes('*') ? isWildcardSubdomain(host) : isDnsSubdomain(host)),
  ]
}

function validatePath({ path: url = '', pathType, backend }: Path, at: string): FieldError[] {
  // Always written, so that an absent one may also be null.
  if ((pathType ?? undefined) === undefined) return [required(`${at}.pathType`, 'pathType must be specified')]
  const errors: FieldError[] = []
  const notAbsolute = () => invalid(`${at}.path`, url, 'must be an absolute path')
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!url.startsWith('/')) errors.push(notAbsolute())
    for (const part of forbiddenParts)
      if (url.includes(part)) errors.push(invalid(`${at}.path`, url, `must not contain '${part}'`))
    for (const end of forbiddenEnds)
      if (url.endsWith(end)) errors.push(invalid(`${at}.path`, url, `cannot end with '${end}'`))
  } else if (pathType === 'ImplementationSpecific') {
    if (url && !url.startsWith('/')) errors.push(notAbsolute())
  } else errors.push(notSupported(`${at}.pathType`, pathType, pathTypes))
  errors.push(...validateBackend(backend, `${at}.backend`))
  return errors
}

/** A service and one of its ports, or another resource. Source: validateIngressBackend. */
export function validateBackend(backend: Backend | undefined, path: string): FieldError[] {
  const { service, resource } = backend ?? {}
  if (service && resource) return [invalid(path, '', 'cannot set both resource and service backends')]
  if (resource) return validateReference(resource, `${path}.resource`)
  if (!service) return [invalid(path, '', 'resource or service backend is required')]
  const errors = service.name
    ? asInvalid(`${path}.service.name`, service.name, dnsLabel(service.name, false))
    : [required(`${path}.service.name`)]
  const { name = '', number = 0 } = service.port ?? {}
  if (name && number) errors.push(invalid(path, '', 'cannot set both port name & port number'))
  else if (name) errors.push(...asInvalid(`${path}.service.port.name`, name, isPortName(name)))
  else if (number) errors.push(...asInvalid(`${path}.service.port.number`, number, portNumber(number)))
  else errors.push(required(path, 'port name or number is required'))
  return errors
}

interface Reference {
  apiGroup?: string | undefined
  kind?: string | undefined
  name?: string | undefined
}

export function validateReference({ apiGroup, kind = '', name = '' }: Reference, path: string): FieldError[] {
  const segment = (value: string, field: string) =>
    value
      ? asInvalid(field, value, pathSegment(value, false))
      : [required(field, `${field.slice(field.lastIndexOf('.') + 1)} is required`)]
  return [
    ...(apiGroup === undefined ? [] : asInvalid(`${path}.apiGroup`, apiGroup, isDnsSubdomain(apiGroup))),
    ...segment(kind, `${path}.kind`),
    ...segment(name, `${path}.name`),
  ]
}

export function validateTls(tls: IngressSpec['tls'], path: string): FieldError[] {
  return (tls ?? []).flatMap(({ hosts = [], secretName }, i) => [
    ...hosts.flatMap((host, j) =>
      asInvalid(
        `${path}[${i}].hosts[${j}]`,
        host,
        host.includes('*') ? isWildcardSubdomain(host) : isDnsSubdomain(host),
      ),
    ),
    ...(secretName ? asInvalid(`${path}[${i}].secretName`, secretName, dnsSubdomain(secretName, false)) : []),
  ])
}
