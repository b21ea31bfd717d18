import {
  adminAccessLabel,
  type AllocatedDevice,
  type ClaimSpec,
  type DeviceStatus,
  type ResourceClaim,
  type ResourceClaimTemplate,
} from '#shared/kube/devices.ts'
import { invalid, type FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { AccessAttributes, AdmissionPlugin, AdmissionRequest, UserInfo } from '../registry/kind.ts'
import { forbidden } from '../registry/validation/field.ts'
import { nameOf } from './request.ts'

export interface DeviceClaimDeps {
  may(user: UserInfo, attributes: AccessAttributes): boolean
}

/**
 * Who asks for admin access to devices has to be in a namespace for that, and who says which devices a claim has, or how
 * they are, has to be allowed to say so. Upstream's strategies ask all this: pkg/registry/resource/authorization.go.
 */
export const deviceClaimAccess = (deps: DeviceClaimDeps): AdmissionPlugin => ({
  name: 'DeviceClaimAccess',
  validate(request) {
    const { kind, operation, subresource } = request
    if (kind.group !== 'resource.k8s.io' || !request.object || operation === 'DELETE') return
    const errors =
      kind.kind === 'ResourceClaim'
        ? subresource === 'status'
          ? statusErrors(deps, request)
          : adminErrors(request, (request.object as ResourceClaim).spec)
        : kind.kind === 'ResourceClaimTemplate'
          ? adminErrors(request, (request.object as ResourceClaimTemplate).spec?.spec)
          : []
    if (errors.length) throw invalid(kind, nameOf(request), errors)
  },
})

const admin = (path: string): FieldError =>
  forbidden(
    path,
    `admin access to devices requires the \`${adminAccessLabel}: true\` label on the containing namespace`,
  )

function isForAdmins({ services, namespace = '' }: AdmissionRequest): boolean {
  return (
    services.get({ group: '', plural: 'namespaces' }, undefined, namespace)?.metadata?.labels?.[adminAccessLabel] ===
    'true'
  )
}

/** Upstream names the field of claims in templates, too. */
function adminErrors(request: AdmissionRequest, spec: ClaimSpec | undefined): FieldError[] {
  const i = (spec?.devices?.requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess)
  return i < 0 || isForAdmins(request) ? [] : [admin(`spec.devices.requests[${i}].adminAccess`)]
}

function statusErrors(deps: DeviceClaimDeps, request: AdmissionRequest): FieldError[] {
  const [now = {}, before = {}] = [request.object, request.old].map((claim) => (claim as ResourceClaim).status)
  const i = (now.allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess)
  const errors =
    i < 0 || before.allocation || isForAdmins(request)
      ? []
      : [admin(`status.allocation.devices.results[${i}].adminAccess`)]
  const isBinding =
    !semanticEqual(now.allocation, before.allocation) || !semanticEqual(now.reservedFor, before.reservedFor)
  if (isBinding) errors.push(...bindingErrors(deps, request))
  // What is said of devices that the claim has no more goes with them.
  const kept = new Set((now.allocation?.devices?.results ?? []).map(idOf))
  const said = before.devices?.filter((each) => kept.has(idOf(each)))
  for (const driver of [...changedDrivers(now.devices, said)].sort())
    errors.push(...driverErrors(deps, request, driver))
  return errors
}

const verbOf = ({ options }: AdmissionRequest): string => (options?.['kind'] === 'PatchOptions' ? 'patch' : 'update')

const access = (verb: string, subresource: string, namespace: string, name: string): AccessAttributes => ({
  verb,
  isResource: true,
  group: 'resource.k8s.io',
  version: 'v1',
  resource: 'resourceclaims',
  subresource,
  namespace,
  name,
  path: '',
})

/** As the answer to a request for it would say. */
function refusal({ user }: AdmissionRequest, { verb, subresource, namespace, name }: AccessAttributes): string {
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  const which = name ? ` ${JSON.stringify(name)}` : ''
  return `resourceclaims.resource.k8s.io${which} is forbidden: User ${JSON.stringify(user.name)} cannot ${verb} resource "resourceclaims/${subresource}" in API group "resource.k8s.io" ${where}`
}

function bindingErrors({ may }: DeviceClaimDeps, request: AdmissionRequest): FieldError[] {
  const asked = access(verbOf(request), 'binding', '', '')
  if (may(request.user, asked)) return []
  const text = `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${asked.verb}" permission`
  return [forbidden('status', `${text}: ${refusal(request, asked)}`)]
}

/** A driver on the claim's own node needs less than one that may be anywhere. */
function driverErrors({ may }: DeviceClaimDeps, request: AdmissionRequest, driver: string): FieldError[] {
  const verb = verbOf(request)
  const isThere = isOnNode(request.user, request.object as ResourceClaim)
  const verbs = [...(isThere ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`]
  const asked = verbs.map((each) => access(each, 'driver', request.namespace ?? '', driver))
  if (asked.some((each) => may(request.user, each))) return []
  const text = `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission`
  return [forbidden('status.devices', `${text}: ${refusal(request, asked[0]!)}`)]
}

/** Whether it is a service account whose token is for a pod on the one node that the claim's devices are on. */
function isOnNode({ name, extra }: UserInfo, { status }: ResourceClaim): boolean {
  const terms = status?.allocation?.nodeSelector?.nodeSelectorTerms ?? []
  const [field, ...others] =
    terms.length === 1 && !terms[0]?.matchExpressions?.length ? (terms[0]?.matchFields ?? []) : []
  if (!field || others.length || field.key !== 'metadata.name' || field.operator !== 'In') return false
  const [node, ...more] = extra?.['authentication.kubernetes.io/node-name'] ?? []
  const isAccount = name.startsWith('system:serviceaccount:')
  return isAccount && node !== undefined && !more.length && field.values?.length === 1 && field.values[0] === node
}

const idOf = ({ driver, pool, device, shareID }: AllocatedDevice): string => [driver, pool, device, shareID].join('/')

function changedDrivers(now: readonly DeviceStatus[] = [], before: readonly DeviceStatus[] = []): Set<string> {
  const known = new Map(before.map((each) => [idOf(each), each]))
  const changed = new Set<string>()
  for (const each of now) {
    if (!semanticEqual(known.get(idOf(each)), each)) changed.add(each.driver ?? '')
    known.delete(idOf(each))
  }
  for (const { driver = '' } of known.values()) changed.add(driver)
  return changed
}
