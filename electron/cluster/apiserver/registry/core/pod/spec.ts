import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, duplicate, forbidden, invalid, required, tooLong } from '../../validation/field.ts'
import { validateIp } from '../../validation/ips.ts'
import { validateLabels } from '../../validation/labels.ts'
import {
  dnsSubdomain,
  isDnsLabel,
  isDnsSubdomain,
  isQualifiedName,
  isUnderscoredSubdomain,
} from '../../validation/names.ts'
import { inclusiveRange } from '../../validation/numbers.ts'
import { validateRequirements } from '../../validation/resources.ts'
import {
  oneOf,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
  type Surroundings,
} from './containers.ts'
import { validateFileKeyVolumes } from './environment.ts'
import { validatePodResources } from './pod-resources.ts'
import { validateAffinity, validateSpreadConstraints, validateTolerations } from './scheduling.ts'
import { validateHostProcess, validateHostUsers, validateOs, validatePodSecurityContext } from './security.ts'
import type { PodSpec } from './types.ts'
import { validateVolumes } from './volumes.ts'

const maxInt32 = 0x7fff_ffff
const named = (value: string | undefined, check: (value: string) => string[], path: string): FieldError[] =>
  value ? asInvalid(path, value, check(value)) : []

/**
 * Pods' and templates' specs alike; `pod` gives the pod's own name where there is one, and `old` what is stored.
 * Source: ValidatePodSpec.
 */
export function validatePodSpec(
  spec: PodSpec,
  pod: { name: string | undefined } | undefined,
  path: string,
  old?: PodSpec,
): FieldError[] {
  const { known, errors: volumeErrors } = validateVolumes(spec.volumes, pod?.name, pod !== undefined, `${path}.volumes`)
  const around: Surroundings = {
    volumes: known,
    claims: new Set((spec.resourceClaims ?? []).flatMap(({ name }) => (name ? [name] : []))),
    grace: spec.terminationGracePeriodSeconds,
    podRestartPolicy: spec.restartPolicy ?? '',
    hostUsers: spec.hostUsers !== false,
    old,
  }
  const errors: FieldError[] = []
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(required(`${path}.terminationGracePeriodSeconds`))
  errors.push(...volumeErrors)
  errors.push(...validateResourceClaims(spec, `${path}.resourceClaims`))
  errors.push(...validateContainers(spec, around, `${path}.containers`))
  errors.push(...validateInitContainers(spec, around, `${path}.initContainers`))
  errors.push(...validateEphemeralContainers(spec, around, `${path}.ephemeralContainers`))
  errors.push(...validatePodResources(spec, around.claims, `${path}.resources`))
  errors.push(...validateHostNetworkPorts(spec, pod !== undefined, `${path}.containers`))
  errors.push(...oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${path}.restartPolicy`))
  errors.push(
    ...oneOf(spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], `${path}.dnsPolicy`),
  )
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`))
  errors.push(...validatePodSecurityContext(spec.securityContext, spec, old, `${path}.securityContext`))
  errors.push(...validateAffinity(spec.affinity, `${path}.affinity`))
  errors.push(...validateDns(spec, `${path}.dnsConfig`))
  for (const [i, gate] of (spec.readinessGates ?? []).entries()) {
    errors.push(
      ...asInvalid(
        `${path}.readinessGates[${i}].conditionType`,
        gate.conditionType ?? '',
        isQualifiedName(gate.conditionType ?? ''),
      ),
    )
  }
  errors.push(...validateSchedulingGates(spec, `${path}.schedulingGates`))
  errors.push(...validateSpreadConstraints(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`))
  errors.push(...validateHostProcess(spec, path), ...validateHostUsers(spec, path))
  const subdomain = (value: string) => dnsSubdomain(value, false)
  errors.push(...named(spec.serviceAccountName, subdomain, `${path}.serviceAccountName`))
  errors.push(...named(spec.nodeName, subdomain, `${path}.nodeName`))
  const deadline = spec.activeDeadlineSeconds
  if (deadline !== undefined && (deadline < 1 || deadline > maxInt32)) {
    errors.push(invalid(`${path}.activeDeadlineSeconds`, deadline, inclusiveRange(1, maxInt32)))
  }
  errors.push(
    ...named(spec.hostname, isDnsLabel, `${path}.hostname`),
    ...named(spec.subdomain, isDnsLabel, `${path}.subdomain`),
  )
  errors.push(...validateHostnameOverride(spec, path))
  errors.push(...validateTolerations(spec.tolerations, `${path}.tolerations`))
  for (const [i, alias] of (spec.hostAliases ?? []).entries()) {
    errors.push(...validateIp(alias.ip, `${path}.hostAliases[${i}].ip`))
    for (const [j, name] of (alias.hostnames ?? []).entries()) {
      errors.push(...asInvalid(`${path}.hostAliases[${i}].hostnames[${j}]`, name, isDnsSubdomain(name)))
    }
  }
  errors.push(...named(spec.priorityClassName, subdomain, `${path}.priorityClassName`))
  if (spec.runtimeClassName !== undefined) {
    errors.push(...asInvalid(`${path}.runtimeClassName`, spec.runtimeClassName, subdomain(spec.runtimeClassName)))
  }
  if (spec.preemptionPolicy !== undefined) {
    errors.push(...oneOf(spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], `${path}.preemptionPolicy`))
  }
  if (spec.overhead) errors.push(...validateRequirements({ limits: spec.overhead }, new Set(), `${path}.overhead`))
  errors.push(...validateOs(spec, path), ...validateFileKeyVolumes(spec, path))
  return errors
}

function validateResourceClaims(spec: PodSpec, path: string): FieldError[] {
  const seen = new Set<string>()
  return (spec.resourceClaims ?? []).flatMap((claim, i) => {
    const at = `${path}[${i}]`
    const { name = '', resourceClaimName, resourceClaimTemplateName } = claim as Record<string, string | undefined>
    const errors = !name
      ? [required(`${at}.name`)]
      : seen.has(name)
        ? [duplicate(`${at}.name`, name)]
        : asInvalid(`${at}.name`, name, isDnsLabel(name))
    seen.add(name)
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      errors.push(
        invalid(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      )
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      errors.push(invalid(at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'))
    }
    for (const [field, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName })) {
      if (value !== undefined) errors.push(...asInvalid(`${at}.${field}`, value, dnsSubdomain(value, false)))
    }
    return errors
  })
}

/** On the host's network a port is the host's own; a template may leave that to the pod. */
function validateHostNetworkPorts(spec: PodSpec, isPod: boolean, path: string): FieldError[] {
  if (!spec.hostNetwork) return []
  return (spec.containers ?? []).flatMap((container, i) =>
    (container.ports ?? []).flatMap((port, j) => {
      const host = port.hostPort ?? 0
      if ((!isPod && host === 0) || host === (port.containerPort ?? 0)) return []
      return [
        invalid(`${path}[${i}].ports[${j}].hostPort`, host, 'must match `containerPort` when `hostNetwork` is true'),
      ]
    }),
  )
}

function validateDns(spec: PodSpec, path: string): FieldError[] {
  const config = spec.dnsConfig
  if (spec.dnsPolicy === 'None') {
    if (!config) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')]
    if (!config.nameservers?.length) {
      return [required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
    }
  }
  if (!config) return []
  const { nameservers = [], searches = [], options = [] } = config
  const errors: FieldError[] = []
  if (nameservers.length > 3)
    errors.push(invalid(`${path}.nameservers`, nameservers, 'must not have more than 3 nameservers'))
  for (const [i, server] of nameservers.entries()) errors.push(...validateIp(server, `${path}.nameservers[${i}]`))
  if (searches.length > 32)
    errors.push(invalid(`${path}.searches`, searches, 'must not have more than 32 search paths'))
  if (searches.join(' ').length > 2048) {
    errors.push(
      invalid(
        `${path}.searches`,
        searches,
        'must not have more than 2048 characters (including spaces) in the search list',
      ),
    )
  }
  for (const [i, search] of searches.entries()) {
    const name = search.endsWith('.') ? search.slice(0, -1) : search
    if (search !== '.') errors.push(...asInvalid(`${path}.searches[${i}]`, name, isUnderscoredSubdomain(name)))
  }
  for (const [i, option] of options.entries())
    if (!option.name) errors.push(required(`${path}.options[${i}]`, 'must not be empty'))
  return errors
}

/** A name that the kernel can hold, and that nothing else would have to give way to. */
function validateHostnameOverride(spec: PodSpec, path: string): FieldError[] {
  const name = spec.hostnameOverride
  if (name === undefined) return []
  const at = `${path}.hostnameOverride`
  return [
    ...asInvalid(at, name, isDnsSubdomain(name)),
    ...(name.length > 64 ? [tooLong(at, 64)] : []),
    ...(spec.setHostnameAsFQDN ? [forbidden(at, 'may not be specified when `setHostnameAsFQDN` is true')] : []),
    ...(spec.hostNetwork ? [forbidden(at, 'may not be specified when `hostNetwork` is true')] : []),
  ]
}

function validateSchedulingGates(spec: PodSpec, path: string): FieldError[] {
  const seen = new Set<string>()
  return (spec.schedulingGates ?? []).flatMap(({ name = '' }, i) => {
    const errors = asInvalid(`${path}[${i}]`, name, isQualifiedName(name))
    if (seen.has(name)) errors.push(duplicate(`${path}[${i}]`, name))
    seen.add(name)
    return errors
  })
}
