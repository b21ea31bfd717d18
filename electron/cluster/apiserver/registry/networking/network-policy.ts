import type * as v1 from 'kubernetes-types/networking/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { formatLabelSelector } from '../columns/format.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { cidrWarnings } from '../validation/ip-warnings.ts'
import { cidrContains, parseCidr, validateCidr } from '../validation/ips.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { isPortName } from '../validation/names.ts'
import { portNumber } from '../validation/numbers.ts'

type Spec = Loose<v1.NetworkPolicySpec>
type Port = Loose<v1.NetworkPolicyPort>
type Peer = Loose<v1.NetworkPolicyPeer>
type NetworkPolicy = KubeObject & { spec?: Spec }

function setDefaults(object: NetworkPolicy): void {
  const spec = (object.spec ??= {})
  spec.podSelector ??= {}
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
    for (const port of rule.ports ?? []) port.protocol ??= 'TCP'
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
}

/** Source: ValidateNetworkPolicySpec. */
function validate({ spec = {} }: NetworkPolicy): FieldError[] {
  const errors = validateLabelSelector(spec.podSelector, 'spec.podSelector')
  for (const [i, rule] of (spec.ingress ?? []).entries()) {
    errors.push(...validateRule(rule.ports, rule.from, `spec.ingress[${i}]`, 'from'))
  }
  for (const [i, rule] of (spec.egress ?? []).entries())
    errors.push(...validateRule(rule.ports, rule.to, `spec.egress[${i}]`, 'to'))
  const types = spec.policyTypes ?? []
  if (types.length > 2)
    return [...errors, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')]
  for (const [i, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress')
      errors.push(notSupported(`spec.policyTypes[${i}]`, type, ['Egress', 'Ingress']))
  }
  return errors
}

function validateRule(ports: Port[] | undefined, peers: Peer[] | undefined, path: string, name: string): FieldError[] {
  return [
    ...(ports ?? []).flatMap((port, i) => validatePort(port, `${path}.ports[${i}]`)),
    ...(peers ?? []).flatMap((peer, i) => validatePeer(peer, `${path}.${name}[${i}]`)),
  ]
}

function validatePort({ protocol, port, endPort }: Port, path: string): FieldError[] {
  const errors: FieldError[] = []
  const protocols = ['SCTP', 'TCP', 'UDP']
  if (protocol !== undefined && !protocols.includes(protocol))
    errors.push(notSupported(`${path}.protocol`, protocol, protocols))
  if (typeof port === 'number') {
    errors.push(...asInvalid(`${path}.port`, port, portNumber(port)))
    if (endPort !== undefined) {
      if (endPort < port) errors.push(invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`'))
      errors.push(...asInvalid(`${path}.endPort`, endPort, portNumber(endPort)))
    }
  } else if (typeof port === 'string') {
    if (endPort !== undefined)
      errors.push(invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric'))
    errors.push(...asInvalid(`${path}.port`, port, isPortName(port)))
  } else if (endPort !== undefined)
    errors.push(invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified'))
  return errors
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Peer, path: string): FieldError[] {
  const errors = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock ? validateBlock(ipBlock, `${path}.ipBlock`) : []),
  ]
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'))
  else if (ipBlock && (podSelector || namespaceSelector))
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'))
  return errors
}

function validateBlock({ cidr = '', except = [] }: NonNullable<Peer['ipBlock']>, path: string): FieldError[] {
  if (!cidr) return [required(`${path}.cidr`)]
  const errors = validateCidr(cidr, `${path}.cidr`)
  const outer = parseCidr(cidr)
  if (!outer) return errors
  for (const [i, part] of except.entries()) {
    const at = `${path}.except[${i}]`
    errors.push(...validateCidr(part, at))
    const inner = parseCidr(part)
    if (!inner) return errors
    if (!cidrContains(cidr, inner.address) || outer.bits >= inner.bits)
      errors.push(invalid(at, part, 'must be a strict subset of `cidr`'))
  }
  return errors
}

/** Source: networkPolicyWarnings. */
function warnings({ spec }: NetworkPolicy): string[] {
  const ofPeers = (peers: Peer[] | undefined, path: string) =>
    (peers ?? []).flatMap(({ ipBlock }, i) => {
      const at = `${path}[${i}].ipBlock`
      if (!ipBlock) return []
      return [
        ...cidrWarnings(ipBlock.cidr ?? '', `${at}.cidr`),
        ...(ipBlock.except ?? []).flatMap((part, j) => cidrWarnings(part, `${at}.except[${j}]`)),
      ]
    })
  return [
    ...(spec?.ingress ?? []).flatMap(({ from }, i) => ofPeers(from, `spec.ingress[${i}].from`)),
    ...(spec?.egress ?? []).flatMap(({ to }, i) => ofPeers(to, `spec.egress[${i}].to`)),
  ]
}

const column = columnsOf<NetworkPolicy>('NetworkPolicy')

const define = kindsOf('networking.k8s.io', 'v1')

export const networkPolicy: KindDefinition<NetworkPolicy> = define<NetworkPolicy>({
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
  shortNames: ['netpol'],
  rules: { defaults: setDefaults, desired, validate, more: { warnings } },
  columns: [nameColumn, column('Pod-Selector', ({ spec }) => formatLabelSelector(spec?.podSelector)), ageColumn],
})
