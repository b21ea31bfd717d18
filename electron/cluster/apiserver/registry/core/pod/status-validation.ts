import type * as v1 from 'kubernetes-types/core/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../../loose.ts'
import {
  asInvalid,
  duplicate,
  forbidden,
  internalError,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../validation/field.ts'
import { validateImmutable } from '../../validation/immutable.ts'
import { isIpv6, parsesAsIp, validateIp } from '../../validation/ips.ts'
import { dnsSubdomain, isDnsLabel, isQualifiedName } from '../../validation/names.ts'
import { identity } from './security.ts'
import { allContainers, type Container, type Pod, type PodSpec, type PodStatus } from './types.ts'
import { validateAnnotationChange } from './validation.ts'

/** Fields newer than the typed client. */
type ContainerStatus = Loose<v1.ContainerStatus> & {
  user?: { linux?: { uid?: number; gid?: number; supplementalGroups?: number[] } }
  allocatedResourcesStatus?: {
    name?: string
    resources?: { resourceID?: string; health?: string; message?: string }[]
  }[]
}
interface Condition {
  type?: string
  observedGeneration?: number
}
interface ExtendedClaim {
  requestMappings?: { containerName?: string; resourceName?: string; requestName?: string }[]
  resourceClaimName?: string
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
  const errors = validateAnnotationChange(pod, old)
  for (const [i, condition] of ((status.conditions ?? []) as Condition[]).entries()) {
    const { type = '', observedGeneration } = condition
    errors.push(...notNegative(observedGeneration, `status.conditions[${i}].observedGeneration`))
    if (['PodScheduled', 'Ready', 'Initialized'].includes(type)) continue
    errors.push(...asInvalid(`status.conditions[${i}].Type`, type, isQualifiedName(type)))
  }
  const nominated = status.nominatedNodeName
  if (nominated && nominated !== before.nominatedNodeName) {
    errors.push(...asInvalid('status.nominatedNodeName', nominated, dnsSubdomain(nominated, false)))
    if (old.spec?.nodeName) {
      const text = 'may not be set on pods that are already bound to a node'
      errors.push(forbidden('status.nominatedNodeName', text))
    }
  }
  errors.push(...notNegative(status.observedGeneration, 'status.observedGeneration'))
  errors.push(...validateImmutable(status.qosClass, before.qosClass, 'status.qosClass'))
  errors.push(...validateTransitions(status, before, old.spec ?? {}))
  errors.push(...validateClaimStatuses(status, spec))
  errors.push(...validateExtendedClaim(status, spec))
  errors.push(...validateAddresses(status, before, 'podIPs'))
  const [firstHost] = status.hostIPs ?? []
  if (firstHost && (status.hostIP ?? '') !== (firstHost.ip ?? '')) {
    errors.push(invalid('status.hostIPs[0].ip', firstHost.ip ?? '', 'must be equal to `hostIP`'))
  }
  errors.push(...validateAddresses(status, before, 'hostIPs'))
  for (const list of lists) errors.push(...validateUsers(statusesOf(status, list), spec.os?.name, `status.${list}`))
  for (const list of lists) errors.push(...validateAllocated(statusesOf(status, list), spec, list))
  return errors
}

const notNegative = (value: number | undefined, path: string): FieldError[] =>
  value !== undefined && value < 0 ? [invalid(path, value, 'must be a non-negative integer')] : []

/** At most one address of each family; what was stored before it was checked stays. */
function validateAddresses(status: PodStatus, before: PodStatus, field: 'podIPs' | 'hostIPs'): FieldError[] {
  const path = `status.${field}`
  const addresses = status[field] ?? []
  const known = new Set((before[field] ?? []).map(({ ip }) => ip))
  const errors = addresses.flatMap(({ ip }, i) => (known.has(ip) ? [] : validateIp(ip, `${path}[${i}]`)))
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
  return errors
}

/** A container that ended for good does not come back, nor one that the pod does not have. */
function validateTransitions(status: PodStatus, before: PodStatus, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = []
  const startsOver = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'),
  )
  for (const list of lists) {
    const isEphemeral = list === 'ephemeralContainerStatuses'
    if (startsOver && !isEphemeral) continue
    const containers = (isEphemeral ? [] : spec[specLists[list]]) ?? []
    for (const [i, { name, state }] of statusesOf(before, list).entries()) {
      if (!state?.terminated) continue
      const own = containers.find((container) => container.name === name)
      if (own && shouldRestart(own, spec, state.terminated.exitCode ?? 0)) continue
      const now = statusesOf(status, list).find((container) => container.name === name && !container.state?.terminated)
      if (now) errors.push(forbidden(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'))
    }
  }
  return errors
}

/** Rules come first, then the container's own policy, then the pod's. Source: ContainerShouldRestart. */
function shouldRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  const fits = ({ exitCodes }: NonNullable<Container['restartPolicyRules']>[number]) =>
    exitCodes !== undefined && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === 'In')
  const { restartPolicyRules = [], restartPolicy: own } = container
  if (restartPolicyRules.some((rule) => rule.action === 'Restart' && fits(rule))) return true
  const policy = own ?? spec.restartPolicy
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

function validateClaimStatuses(status: PodStatus, spec: PodSpec): FieldError[] {
  const path = 'status.resourceClaimStatuses'
  const known = new Set((spec.resourceClaims ?? []).map(({ name }) => name ?? ''))
  const seen = new Set<string>()
  const statuses = (status as { resourceClaimStatuses?: ClaimStatus[] }).resourceClaimStatuses ?? []
  return statuses.flatMap(({ name = '', resourceClaimName: claim }, i) => {
    const at = `${path}[${i}]`
    const errors = known.has(name)
      ? []
      : [invalid(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`')]
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name))
    seen.add(name)
    if (claim !== undefined) errors.push(...asInvalid(`${at}.resourceClaimName`, claim, dnsSubdomain(claim, false)))
    return errors
  })
}

/** The claim that stands for extended resources. Source: validatePodExtendedResourceClaimStatus. */
function validateExtendedClaim(status: PodStatus, spec: PodSpec): FieldError[] {
  const claim = (status as { extendedResourceClaimStatus?: ExtendedClaim }).extendedResourceClaimStatus
  if (!claim) return []
  const path = 'status.extendedResourceClaimStatus'
  const { requestMappings = [], resourceClaimName = '' } = claim
  const errors: FieldError[] = []
  if (!requestMappings.length)
    errors.push(required(`${path}.requestMappings`, 'at least one request mapping is required'))
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
  const seen = new Set<string>()
  for (const [i, mapping] of requestMappings.entries()) {
    const { containerName = '', resourceName = '', requestName = '' } = mapping
    const at = `${path}.requestMappings[${i}]`
    const own = containers.findLast(({ name }) => name === containerName)
    const among = (what: string) => `must match the ${what} of an entry in spec.initContainers`
    if (!own) {
      const text = `${among('name')}.name or spec.containers.name`
      errors.push(invalid(`${at}.containerName`, containerName, text))
    } else if (own.resources?.requests?.[resourceName] === undefined) {
      const text = `${among('extended resource name')}.resources.requests or spec.containers.resources.requests`
      errors.push(invalid(`${at}.resourceName`, resourceName, text))
    }
    errors.push(...asInvalid(`${path}.requestName`, requestName, isDnsLabel(requestName)))
    const key = JSON.stringify([containerName, resourceName, requestName])
    if (seen.has(key)) {
      for (const [field, value] of Object.entries({ containerName, resourceName, requestName }))
        errors.push(duplicate(`${at}.${field}`, value))
    }
    seen.add(key)
  }
  const field = `${path}.resourceClaimName`
  errors.push(
    ...(resourceClaimName
      ? asInvalid(field, resourceClaimName, dnsSubdomain(resourceClaimName, false))
      : [required(field)]),
  )
  return errors
}

function validateUsers(statuses: readonly ContainerStatus[], os: string | undefined, path: string): FieldError[] {
  return statuses.flatMap(({ user }, i) => {
    const linux = user?.linux
    const at = `${path}[${i}].user.linux`
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
      for (const [k, { resourceID = '', health = '', message }] of resources.entries()) {
        const field = `${at}[${j}].resources[${k}]`
        if (!healths.includes(health)) errors.push(notSupported(`${field}.health`, health, healths))
        if (message === '') errors.push(required(`${field}.message`, 'must be non-empty if specified'))
        else if ((message?.length ?? 0) > 1024) errors.push(tooLong(`${field}.message`, 1024))
        if (seen.has(resourceID)) errors.push(duplicate(`${field}.resourceID`, resourceID))
        seen.add(resourceID)
      }
      return errors
    })
  })
}
