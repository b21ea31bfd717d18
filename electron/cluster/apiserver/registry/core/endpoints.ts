import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, required } from '../validation/field.ts'
import { ipWarnings } from '../validation/ip-warnings.ts'
import { validateIp, validateOrdinaryIp } from '../validation/ips.ts'
import { dnsSubdomain, isDnsLabel, isQualifiedName } from '../validation/names.ts'
import { portNumber } from '../validation/numbers.ts'
import { oneOf, protocols } from './pod/containers.ts'

type Subset = Loose<v1.EndpointSubset>
type Address = Loose<v1.EndpointAddress>
type Endpoints = KubeObject & { subsets?: Subset[] }

/** Source: ValidateEndpoints. */
function validate({ subsets }: Endpoints): FieldError[] {
  return (subsets ?? []).flatMap((subset, i) => {
    const at = `subsets[${i}]`
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset
    const errors =
      addresses.length || notReadyAddresses.length
        ? []
        : [required(at, 'must specify `addresses` or `notReadyAddresses`')]
    for (const [j, address] of addresses.entries()) errors.push(...validateAddress(address, `${at}.addresses[${j}]`))
    for (const [j, address] of notReadyAddresses.entries())
      errors.push(...validateAddress(address, `${at}.notReadyAddresses[${j}]`))
    for (const [j, { name = '', port, protocol, appProtocol }] of ports.entries()) {
      const path = `${at}.ports[${j}]`
      if (!name && ports.length > 1) errors.push(required(`${path}.name`))
      if (name) errors.push(...asInvalid(`${path}.name`, name, isDnsLabel(name)))
      errors.push(
        ...asInvalid(`${path}.port`, port ?? 0, portNumber(port)),
        ...oneOf(protocol, protocols, `${path}.protocol`),
      )
      if (appProtocol !== undefined)
        errors.push(...asInvalid(`${path}.appProtocol`, appProtocol, isQualifiedName(appProtocol)))
    }
    return errors
  })
}

function validateAddress({ ip, hostname, nodeName }: Address, path: string): FieldError[] {
  return [
    ...validateIp(ip, `${path}.ip`),
    ...(hostname ? asInvalid(`${path}.hostname`, hostname, isDnsLabel(hostname)) : []),
    ...(nodeName === undefined ? [] : asInvalid(`${path}.nodeName`, nodeName, dnsSubdomain(nodeName, false))),
    ...validateOrdinaryIp(ip, `${path}.ip`),
  ]
}

/** Source: endpointsWarnings. */
function warnings({ metadata, subsets }: Endpoints): string[] {
  if (metadata?.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return []
  return (subsets ?? []).flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, j) => ipWarnings(ip, `subsets[${i}].${list}[${j}].ip`)),
    ),
  )
}

const shownAtMost = 3

/** `10.1.2.3:80,10.1.2.4:80 + 3 more...` */
function shown(subsets: readonly Subset[] | undefined): string {
  const all = (subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length
      ? ports.flatMap(({ port }) => addresses.map(({ ip = '' }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port ?? 0}`))
      : addresses.map(({ ip = '' }) => ip),
  )
  const text = all.slice(0, shownAtMost).join(',')
  return all.length > shownAtMost ? `${text} + ${all.length - shownAtMost} more...` : text || '<none>'
}

const column = columnsOf<Endpoints>('Endpoints')

const define = kindsOf('', 'v1')

export const endpoints: KindDefinition<Endpoints> = define<Endpoints>({
  kind: 'Endpoints',
  plural: 'endpoints',
  storagePrefix: 'services/endpoints',
  namespaced: true,
  shortNames: ['ep'],
  rules: {
    defaults(object) {
      for (const { ports } of object.subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
    },
    validate,
    more: { warnings },
  },
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  columns: [nameColumn, column('Endpoints', ({ subsets }) => shown(subsets)), ageColumn],
})
