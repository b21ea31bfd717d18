import type * as v1 from 'kubernetes-types/core/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../../loose.ts'
import { asInvalid, duplicate, forbidden, internalError, invalid, notSupported } from '../../validation/field.ts'
import { validateImmutable } from '../../validation/immutable.ts'
import { isIpv6, parsesAsIp, validateIp } from '../../validation/ips.ts'
import { dnsSubdomain, isQualifiedName } from '../../validation/names.ts'
import { validateAnnotationUpdate, validatePodAnnotations } from './annotations.ts'
import { identity } from './security.ts'
import { allContainers, isSidecar, type Pod, type PodSpec, type PodStatus } from './types.ts'

/** Fields newer than the typed client. */
type ContainerStatus = Loose<v1.ContainerStatus> & {
  user?: { linux?: { uid?: number; gid?: number; supplementalGroups?: number[] } }
  allocatedResourcesStatus?: { name?: string; resources?: { resourceID?: string; health?: string }[] }[]
}
interface ClaimStatus {
  name?: string
  resourceClaimName?: string
}

const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const
const statusesOf = (status: PodStatus | undefined, list: (typeof lists)[number]): ContainerStatus[] =>
  (status?.[list] ?? []) as ContainerStatus[]

/** Source: ValidatePodStatusUpdate. */
export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const { status = {}, spec = {} } = pod
  const before = old.status ?? {}
  const errors = validateAnnotationUpdate(pod.metadata?.annotations, old.metadata?.annotations, 'metadata.annotations')
  errors.push(...validatePodAnnotations(pod.metadata?.annotations, spec, 'metadata.annotations'))
  for (const [i, { type = '' }] of (status.conditions ?? []).entries()) {
    if (['PodScheduled', 'Ready', 'Initialized'].includes(type)) continue
    errors.push(...asInvalid(`metadata.conditions[${i}].Type`, type, isQualifiedName(type)))
  }
  const nominated = status.nominatedNodeName
  if (nominated && nominated !== before.nominatedNodeName) {
    errors.push(...asInvalid('status.nominatedNodeName', nominated, dnsSubdomain(nominated, false)))
  }
  errors.push(...validateImmutable(status.qosClass, before.qosClass, 'status.qosClass'))
  errors.push(...validateTransitions(status, before, old.spec ?? {}))
  errors.push(...validateClaimStatuses(status, spec))
  errors.push(...validateAddresses(status, 'podIPs'))
  const firstHost = status.hostIPs?.[0]?.ip
  if (firstHost !== undefined && status.hostIP !== firstHost) {
    errors.push(invalid('status.hostIPs[0].ip', firstHost, 'must be equal to `hostIP`'))
  }
  errors.push(...validateAddresses(status, 'hostIPs'))
  for (const list of lists) errors.push(...validateUsers(statusesOf(status, list), spec.os?.name, `status.${list}`))
  for (const list of lists) errors.push(...validateAllocated(statusesOf(status, list), spec, list))
  return errors
}

/** At most one address of each family. */
function validateAddresses(status: PodStatus, field: 'podIPs' | 'hostIPs'): FieldError[] {
  const path = `status.${field}`
  const addresses = status[field] ?? []
  const errors = addresses.flatMap(({ ip }, i) => validateIp(ip, `${path}[${i}]`))
  if (addresses.length < 2) return errors
  const texts = addresses.map(({ ip = '' }) => ip)
  const wrong = texts.find((ip) => !parsesAsIp(ip))
  if (wrong !== undefined) {
    const text = `failed to check for dual stack with error:invalid IP: ${wrong}`
    errors.push(internalError(path, text))
  }
  if (wrong !== undefined || texts.length > 2 || new Set(texts.map(isIpv6)).size < 2) {
    errors.push(invalid(path, addresses, 'may specify no more than one IP for each IP family'))
  }
  for (const [i, ip] of texts.entries()) if (texts.indexOf(ip) < i) errors.push(duplicate(`${path}[${i}]`, { IP: ip }))
  return errors
}

/** A container that ended for good does not come back. */
function validateTransitions(status: PodStatus, before: PodStatus, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = []
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
  const startsOver = all.some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'),
  )
  for (const list of lists) {
    const isEphemeral = list === 'ephemeralContainerStatuses'
    const policy = isEphemeral ? 'Never' : spec.restartPolicy
    if (policy === 'Always' || (startsOver && !isEphemeral)) continue
    for (const [i, { name, state }] of statusesOf(before, list).entries()) {
      if (!state?.terminated || (state.terminated.exitCode !== 0 && policy === 'OnFailure')) continue
      const own = all.find((container) => container.name === name)
      if (own && (isSidecar(own) || own.restartPolicyRules?.length || own.restartPolicy === 'OnFailure')) continue
      const now = statusesOf(status, list).find((container) => container.name === name)
      if (now && !now.state?.terminated) {
        errors.push(forbidden(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'))
      }
    }
  }
  return errors
}

function validateClaimStatuses(status: PodStatus, spec: PodSpec): FieldError[] {
  const path = 'status.resourceClaimStatuses'
  const known = new Set((spec.resourceClaims ?? []).map(({ name }) => name ?? ''))
  const seen = new Set<string>()
  const statuses = (status as { resourceClaimStatuses?: ClaimStatus[] }).resourceClaimStatuses ?? []
  return statuses.flatMap(({ name = '', resourceClaimName: claim }, i) => {
    const at = `${path}[${i}].name`
    const errors = known.has(name)
      ? []
      : [invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`')]
    if (seen.has(name)) errors.push(duplicate(at, name))
    seen.add(name)
    if (claim !== undefined) errors.push(...asInvalid(at, claim, dnsSubdomain(claim, false)))
    return errors
  })
}

function validateUsers(statuses: readonly ContainerStatus[], os: string | undefined, path: string): FieldError[] {
  return statuses.flatMap(({ user }, i) => {
    const linux = user?.linux
    const at = `${path}[${i}].linux`
    if (!linux) return []
    if (os === 'windows') return [forbidden(at, 'cannot be set for a windows pod')]
    return [
      ...identity(linux.uid ?? 0, `${at}.uid`),
      ...identity(linux.gid ?? 0, `${at}.gid`),
      ...(linux.supplementalGroups ?? []).flatMap((group, j) => identity(group, `${at}.supplementalGroups[${j}]`)),
    ]
  })
}

const specLists = { containerStatuses: 'containers', initContainerStatuses: 'initContainers' } as const
const healths = ['Healthy', 'Unhealthy', 'Unknown']
const claimText =
  "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"

/** The health of devices is told of resources that the container asked for. */
function validateAllocated(
  statuses: readonly ContainerStatus[],
  spec: PodSpec,
  list: (typeof lists)[number],
): FieldError[] {
  return statuses.flatMap(({ name, allocatedResourcesStatus = [] }, i) => {
    const at = `status.${list}[${i}].allocatedResourcesStatus`
    if (list === 'ephemeralContainerStatuses')
      return allocatedResourcesStatus.length ? [forbidden(at, 'must not be specified in container status')] : []
    const own = allContainers(spec).find(
      ({ path, container }) => path.startsWith(`${specLists[list]}[`) && container.name === name,
    )
    return allocatedResourcesStatus.flatMap(({ name: resource = '', resources = [] }, j) => {
      const errors: FieldError[] = []
      const claims = own?.container.resources?.claims ?? []
      const isClaim = resource.startsWith('claim:')
      const asked = isClaim
        ? claims.some((claim) => {
            const { name: claimName = '', request } = claim as { name?: string; request?: string }
            return resource === `claim:${claimName}${request ? `/${request}` : ''}`
          })
        : own?.container.resources?.requests?.[resource] !== undefined
      if (own && !asked) {
        const text = isClaim ? claimText : "must match one of the container's resource requests"
        errors.push(invalid(`${at}[${j}].name`, resource, text))
      }
      const seen = new Set<string>()
      for (const [k, { resourceID = '', health = '' }] of resources.entries()) {
        const field = `${at}[${j}].resources[${k}]`
        if (!healths.includes(health)) errors.push(notSupported(`${field}.health`, health, healths))
        if (seen.has(resourceID)) errors.push(duplicate(`${field}.resourceID`, resourceID))
        seen.add(resourceID)
      }
      return errors
    })
  })
}
