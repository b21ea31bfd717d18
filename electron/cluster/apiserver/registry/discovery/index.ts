import type * as v1 from 'kubernetes-types/discovery/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { oneOf, protocols } from '../core/pod/containers.ts'
import { kindsOf } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { asInvalid, duplicate, invalid, required, tooLong, tooMany } from '../validation/field.ts'
import { ipWarnings } from '../validation/ip-warnings.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isIpv6, validateIp, validateOrdinaryIp } from '../validation/ips.ts'
import { validateLabels } from '../validation/labels.ts'
import { dnsSubdomain, isDnsLabel, isDnsSubdomain, isLabelValue, isQualifiedName } from '../validation/names.ts'

type Endpoint = Loose<v1.Endpoint>
type EndpointSlice = KubeObject & Loose<Omit<v1.EndpointSlice, keyof KubeObject>>

const addressTypes = ['FQDN', 'IPv4', 'IPv6']
const most = { endpoints: 1000, addresses: 100, ports: 20_000, topology: 16, hints: 8 }

/** Source: ValidateEndpointSlice. */
function validate({ addressType = '', ...slice }: EndpointSlice): FieldError[] {
  const endpoints = slice.endpoints ?? []
  const ports = slice.ports ?? []
  const errors = oneOf(addressType, addressTypes, 'addressType')
  if (endpoints.length > most.endpoints) return [...errors, tooMany('endpoints', endpoints.length, most.endpoints)]
  for (const [i, endpoint] of endpoints.entries())
    errors.push(...validateEndpoint(endpoint, addressType, `endpoints[${i}]`))
  if (ports.length > most.ports) return [...errors, tooMany('ports', ports.length, most.ports)]
  const names = new Set<string>()
  for (const [i, { name = '', protocol, appProtocol }] of ports.entries()) {
    const at = `ports[${i}]`
    if (name) errors.push(...asInvalid(`${at}.name`, name, isDnsLabel(name)))
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    names.add(name)
    errors.push(...oneOf(protocol, protocols, `${at}.protocol`))
    if (appProtocol !== undefined)
      errors.push(...asInvalid(`${at}.appProtocol`, appProtocol, isQualifiedName(appProtocol)))
  }
  return errors
}

function validateEndpoint(endpoint: Endpoint, addressType: string, at: string): FieldError[] {
  const { nodeName, deprecatedTopology, hostname, hints } = endpoint
  const addresses = endpoint.addresses ?? []
  const errors: FieldError[] = []
  if (!addresses.length) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'))
  else if (addresses.length > most.addresses) errors.push(tooMany(`${at}.addresses`, addresses.length, most.addresses))
  for (const [i, address] of addresses.entries())
    errors.push(...validateAddress(address, addressType, `${at}.addresses[${i}]`))
  if (nodeName !== undefined) errors.push(...asInvalid(`${at}.nodeName`, nodeName, dnsSubdomain(nodeName, false)))
  const topology = entries(deprecatedTopology)
  if (topology.length > most.topology) errors.push(tooMany(`${at}.deprecatedTopology`, topology.length, most.topology))
  errors.push(...validateLabels(deprecatedTopology, `${at}.deprecatedTopology`))
  if (deprecatedTopology?.['kubernetes.io/hostname'] !== undefined) {
    errors.push(
      invalid(
        `${at}.deprecatedTopology[kubernetes.io/hostname]`,
        deprecatedTopology['kubernetes.io/hostname'],
        'may not be set, use nodeName instead',
      ),
    )
  }
  if (hostname !== undefined) errors.push(...asInvalid(`${at}.hostname`, hostname, isDnsLabel(hostname)))
  const { forZones = [], forNodes = [] } = (hints ?? {}) as Hints
  for (const [list, path, rule] of [
    [forZones, `${at}.hints.forZones`, isLabelValue],
    [forNodes, `${at}.hints.forNodes`, isDnsSubdomain],
  ] as const) {
    if (list.length > most.hints) return [...errors, tooMany(path, list.length, most.hints)]
    errors.push(...validateHints(list, path, rule))
  }
  return errors
}

interface Hints {
  forZones?: { name?: string }[]
  forNodes?: { name?: string }[]
}

function validateHints(
  list: readonly { name?: string }[],
  path: string,
  rule: (name: string) => string[],
): FieldError[] {
  const seen = new Set<string>()
  return list.flatMap(({ name = '' }, i) => {
    const field = `${path}[${i}].name`
    const again = seen.has(name) ? [duplicate(field, name)] : []
    seen.add(name)
    return [...again, ...asInvalid(field, name, rule(name))]
  })
}

/** What may not be for ever. Source: warnOnDeprecatedAddressType and warnOnBadIPs. */
const ownWriters = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']

function warnings({ metadata, addressType, endpoints }: EndpointSlice, old?: EndpointSlice): string[] {
  const deprecated = addressType === 'FQDN' && !old ? ['spec.addressType: FQDN endpoints are deprecated'] : []
  if (ownWriters.includes(metadata?.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return deprecated
  return [
    ...deprecated,
    ...(endpoints ?? []).flatMap(({ addresses }, i) =>
      (addresses ?? []).flatMap((address, j) => ipWarnings(address, `endpoints[${i}].addresses[${j}]`)),
    ),
  ]
}

/** Only slices that were stored as v1beta1 have topologies of old, which stay while the endpoints do. */
function dropTopology(slice: EndpointSlice, old?: EndpointSlice): void {
  if (old && semanticEqual(slice.endpoints, old.endpoints)) return
  for (const endpoint of slice.endpoints ?? []) delete endpoint.deprecatedTopology
}

function validateAddress(address: string, type: string, path: string): FieldError[] {
  if (type === 'FQDN') return validateDomain(address, path)
  if (type !== 'IPv4' && type !== 'IPv6') return []
  const wrong = validateIp(address, path)
  if (wrong.length) return wrong
  const fits = isIpv6(address) === (type === 'IPv6')
  return [...(fits ? [] : [invalid(path, address, `must be an ${type} address`)]), ...validateOrdinaryIp(address, path)]
}

function validateDomain(name: string, path: string): FieldError[] {
  if (!name) return [required(path)]
  const bare = name.endsWith('.') ? name.slice(0, -1) : name
  const errors = asInvalid(path, bare, isDnsSubdomain(bare))
  if (errors.length) return errors
  if (!bare.includes('.'))
    return [invalid(path, bare, 'should be a domain with at least two segments separated by dots')]
  return bare.split('.').some((label) => label.length > 63) ? [tooLong(path, 63)] : []
}

function setDefaults(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    port.name ??= ''
    port.protocol ??= 'TCP'
  }
}

const shownAtMost = 3
const shorten = (list: readonly string[], none: string): string => {
  if (!list.length) return none
  const shown = list.slice(0, shownAtMost).join(',')
  return list.length > shownAtMost ? `${shown} + ${list.length - shownAtMost} more...` : shown
}

const column = columnsOf<EndpointSlice>('EndpointSlice')

function ports({ ports: list }: EndpointSlice): string {
  return shorten(
    (list ?? []).map(({ name, port }) => (port === undefined ? name || '*' : String(port))),
    '<unset>',
  )
}

const define = kindsOf('discovery.k8s.io', 'v1')

export const endpointSlice: KindDefinition<EndpointSlice> = define<EndpointSlice>({
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  rules: {
    defaults: setDefaults,
    desired: ({ metadata, addressType, endpoints, ports: list }) => [metadata?.labels, addressType, endpoints, list],
    prepareForCreate: (slice) => dropTopology(slice),
    prepareForUpdate: dropTopology,
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.addressType, old.addressType, 'addressType'),
    ],
    more: { warnings },
  },
  columns: [
    nameColumn,
    column('AddressType', ({ addressType }) => addressType ?? ''),
    column('Ports', ports),
    column('Endpoints', ({ endpoints }) =>
      shorten(
        (endpoints ?? []).flatMap(({ addresses }) => addresses ?? []),
        '<unset>',
      ),
    ),
    ageColumn,
  ],
})

export const kinds: readonly KindDefinition[] = [endpointSlice]
