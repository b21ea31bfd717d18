import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { status } from '../subresources.ts'
import { asInvalid, invalid, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { canonicalIpProblems, parseCidr, validateCanonicalCidr } from '../validation/ips.ts'
import { isDnsSubdomain, pathSegment } from '../validation/names.ts'

const define = kindsOf('networking.k8s.io', 'v1')

type ServiceCidr = KubeObject & { spec?: { cidrs?: string[] } }

function validateServiceCidr({ spec }: ServiceCidr): FieldError[] {
  const cidrs = spec?.cidrs ?? []
  const path = 'spec.cidrs'
  if (!cidrs.length) return [required(path, 'at least one CIDR required')]
  if (cidrs.length > 2) return [invalid(path, spec, 'may only hold up to 2 values')]
  if (cidrs.length === 2) {
    const families = cidrs.map((cidr) => parseCidr(cidr)?.address.includes(':'))
    const text = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
    if (families.includes(undefined) || families[0] === families[1]) return [invalid(path, spec, text)]
  }
  return cidrs.flatMap((cidr, i) => validateCanonicalCidr(cidr, `${path}[${i}]`))
}

const cidrColumn = columnsOf<ServiceCidr>('ServiceCIDR')

export const serviceCidr: KindDefinition<ServiceCidr> = define<ServiceCidr>({
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  rules: {
    status: true,
    statusKeeps: 'metadata',
    validate: validateServiceCidr,
    validateUpdate: (object, old) => [
      ...validateServiceCidr(object),
      ...validateImmutable(object.spec?.cidrs, old.spec?.cidrs, 'spec.cidrs'),
    ],
  },
  columns: [nameColumn, cidrColumn('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(',')), ageColumn],
  subresources: [status('ServiceCIDR')],
})

type IpAddress = KubeObject & {
  spec?: { parentRef?: { group?: string; resource?: string; namespace?: string; name?: string } }
}

function validateIpAddress({ spec }: IpAddress): FieldError[] {
  const path = 'spec.parentRef'
  const parent = spec?.parentRef
  if (!parent) return [required(path)]
  const segment = (value: string, field: string) => asInvalid(field, value, pathSegment(value, false))
  return [
    ...(parent.group ? asInvalid(`${path}.group`, parent.group, isDnsSubdomain(parent.group)) : []),
    ...(parent.resource ? segment(parent.resource, `${path}.resource`) : [required(`${path}.resource`)]),
    ...(parent.name ? segment(parent.name, `${path}.name`) : [required(`${path}.name`)]),
    ...(parent.namespace ? segment(parent.namespace, `${path}.namespace`) : []),
  ]
}

const ipColumn = columnsOf<IpAddress>('IPAddress')

function parent({ spec }: IpAddress): string {
  const { group, resource = '', namespace, name = '' } = spec?.parentRef ?? {}
  const kind = (group ? `${resource}.${group}` : resource).toLowerCase()
  return `${kind}/${namespace ? `${namespace}/` : ''}${name}`
}

export const ipAddress: KindDefinition<IpAddress> = define<IpAddress>({
  kind: 'IPAddress',
  plural: 'ipaddresses',
  namespaced: false,
  shortNames: ['ip'],
  rules: {
    name: canonicalIpProblems,
    validate: validateIpAddress,
    validateUpdate: (object, old) => [
      ...validateIpAddress(object),
      ...validateImmutable(object.spec?.parentRef, old.spec?.parentRef, 'spec.parentRef'),
    ],
  },
  selectableFields: { 'spec.parentRef.name': ({ spec }) => spec?.parentRef?.name ?? '' },
  columns: [nameColumn, ipColumn('ParentRef', parent), ageColumn],
})
