import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required, tooLong } from '../../validation/field.ts'
import { dnsSubdomain } from '../../validation/names.ts'
import { inclusiveRange } from '../../validation/numbers.ts'
import { descendingPath } from '../../validation/paths.ts'
import { allContainers, type PodSecurityContext, type PodSpec, type SecurityContext } from './types.ts'

/** A user's or a group's number. */
export const identity = (value: number | undefined, path: string): FieldError[] =>
  value !== undefined && (value < 0 || value > 0x7fff_ffff)
    ? [invalid(path, value, inclusiveRange(0, 0x7fff_ffff))]
    : []

export function validatePodSecurityContext(
  context: PodSecurityContext | undefined,
  spec: PodSpec,
  old: PodSpec | undefined,
  path: string,
): FieldError[] {
  if (!context) return []
  const errors = [
    ...identity(context.fsGroup, `${path}.fsGroup`),
    ...identity(context.runAsUser, `${path}.runAsUser`),
    ...identity(context.runAsGroup, `${path}.runAsGroup`),
    ...(context.supplementalGroups ?? []).flatMap((group, i) => identity(group, `${path}.supplementalGroups[${i}]`)),
  ]
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(
      invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    )
  }
  errors.push(...validateSysctls(context, spec, `${path}.sysctls`))
  errors.push(...among(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${path}.fsGroupChangePolicy`))
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`))
  errors.push(...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`))
  errors.push(...validateAppArmor(context.appArmorProfile, `${path}.appArmorProfile`))
  errors.push(...among(context.supplementalGroupsPolicy, ['Merge', 'Strict'], `${path}.supplementalGroupsPolicy`))
  // Volumes are mounted with a label only behind SELinuxMount, but what was once stored stays.
  const policies = old?.securityContext?.seLinuxChangePolicy ? ['MountOption', 'Recursive'] : ['Recursive']
  errors.push(...among(context.seLinuxChangePolicy, policies, `${path}.seLinuxChangePolicy`))
  return errors
}

const among = (value: string | undefined, values: readonly string[], path: string): FieldError[] =>
  value !== undefined && !values.includes(value) ? [notSupported(path, value, values)] : []

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/
const sysctlText = `must have at most 253 characters and match regex ${sysctlName.source.replace('[./]', '[\\./]')}`

function validateSysctls(context: PodSecurityContext, spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, { name = '' }] of (context.sysctls ?? []).entries()) {
    const field = `${path}[${i}].name`
    if (!name) errors.push(required(field))
    else if (name.length > 253 || !sysctlName.test(name)) errors.push(invalid(field, name, sysctlText))
    else if (seen.has(name)) errors.push(duplicate(field, name))
    seen.add(name)
    const dotted = name.replaceAll('/', '.')
    if (spec.hostNetwork && dotted.startsWith('net.'))
      errors.push(invalid(field, name, "may not be specified when 'hostNetwork' is true"))
    if (spec.hostIPC && /^(kernel\.(shm|msg|sem$)|fs\.mqueue\.)/.test(dotted)) {
      errors.push(invalid(field, name, "may not be specified when 'hostIPC' is true"))
    }
  }
  return errors
}

function validateSeccomp(profile: PodSecurityContext['seccompProfile'], path: string): FieldError[] {
  if (!profile) return []
  const errors: FieldError[] = []
  const types = ['Localhost', 'RuntimeDefault', 'Unconfined']
  if (!profile.type) errors.push(required(`${path}.type`, 'type is required when seccompProfile is set'))
  else errors.push(...among(profile.type, types, `${path}.type`))
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined)
      errors.push(required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost'))
    else errors.push(...descendingPath(profile.localhostProfile, `${path}.localhostProfile`))
  } else if (profile.localhostProfile !== undefined) {
    errors.push(invalid(`${path}.localhostProfile`, profile, 'can only be set when seccomp type is Localhost'))
  }
  return errors
}

export function validateAppArmor(profile: PodSecurityContext['appArmorProfile'], path: string): FieldError[] {
  if (!profile) return []
  const file = profile.localhostProfile
  const needed = required(`${path}.localhostProfile`, 'must be set when AppArmor type is Localhost')
  switch (profile.type ?? '') {
    case 'Localhost':
      if (file === undefined || file === '') return [needed]
      return [
        ...(file !== file.trim()
          ? [invalid(`${path}.localhostProfile`, file, 'must not be padded with whitespace')]
          : []),
        ...(file.length > 4095 ? [tooLong(`${path}.localhostProfile`, 4095)] : []),
      ]
    case 'RuntimeDefault':
    case 'Unconfined':
      return file === undefined
        ? []
        : [invalid(`${path}.localhostProfile`, file, 'can only be set when AppArmor type is Localhost')]
    case '':
      return [required(`${path}.type`, 'type is required when appArmorProfile is set')]
    default:
      return [notSupported(`${path}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined'])]
  }
}

export function validateSecurityContext(
  context: SecurityContext | undefined,
  hostUsers: boolean,
  path: string,
): FieldError[] {
  if (!context) return []
  const errors = [
    ...identity(context.runAsUser, `${path}.runAsUser`),
    ...identity(context.runAsGroup, `${path}.runAsGroup`),
  ]
  if (context.procMount !== undefined) {
    errors.push(...among(context.procMount, ['Default', 'Unmasked'], `${path}.procMount`))
    if (hostUsers && context.procMount === 'Unmasked') {
      errors.push(invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'))
    }
  }
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`))
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      errors.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'))
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(
        invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
      )
    }
  }
  errors.push(...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`))
  errors.push(...validateAppArmor((context as PodSecurityContext).appArmorProfile, `${path}.appArmorProfile`))
  return errors
}

function validateWindowsOptions(options: PodSecurityContext['windowsOptions'], path: string): FieldError[] {
  if (!options) return []
  const errors: FieldError[] = []
  const name = options.gmsaCredentialSpecName
  if (name !== undefined) errors.push(...asInvalid(`${path}.gmsaCredentialSpecName`, name, dnsSubdomain(name, false)))
  const credential = options.gmsaCredentialSpec
  if (credential === '')
    errors.push(invalid(`${path}.gmsaCredentialSpec`, credential, 'gmsaCredentialSpec cannot be an empty string'))
  else if (credential !== undefined && credential.length > 64 * 1024) {
    errors.push(invalid(`${path}.gmsaCredentialSpec`, credential, 'gmsaCredentialSpec size must be under 64 KiB'))
  }
  const user = options.runAsUserName
  if (user !== undefined)
    errors.push(...windowsUserErrors(user).map((text) => invalid(`${path}.runAsUserName`, user, text)))
  return errors
}

function windowsUserErrors(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string']
  if (/[\x00-\x1f\x7f]/.test(name)) return ['runAsUserName cannot contain control characters']
  const parts = name.split('\\')
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash']
  const domain = parts.length === 2 ? parts[0]! : undefined
  const user = parts.at(-1)!
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
  const errors: string[] = []
  if (domain !== undefined) {
    if (domain.length >= 256) errors.push("runAsUserName's Domain length must be under 256 characters")
    if (!/^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/.test(domain) && !new RegExp(`^${label}(?:\\.${label})*$`).test(domain)) {
      errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    }
  }
  if (user === '') errors.push("runAsUserName's User cannot be empty")
  else if (user.length > 104) errors.push("runAsUserName's User length must not be longer than 104 characters")
  if (/^[. ]+$/.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces")
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    errors.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]')
  }
  return errors
}

/** HostProcess containers come all or none, and only on the host's network. */
export function validateHostProcess(spec: PodSpec, path: string): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess
  const containers = allContainers(spec)
  const errors: FieldError[] = []
  let count = 0
  for (const { path: at, container } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess
    if (ofPod !== undefined && own !== undefined && own !== ofPod) {
      const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`
      errors.push(invalid(`${path}.${at}.securityContext.windowsOptions.hostProcess`, own, text))
    }
    if (own ?? ofPod) count++
  }
  if (!count) return errors
  if (count !== containers.length) {
    errors.push(
      invalid(
        path,
        '',
        'If pod contains any hostProcess containers then all containers must be HostProcess containers',
      ),
    )
  }
  if (!spec.hostNetwork) {
    errors.push(
      invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    )
  }
  return errors
}

const podFieldsOfLinux = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const
const containerFieldsOfLinux = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const

/** What the named operating system does not know. */
export function validateOs(spec: PodSpec, path: string): FieldError[] {
  if (!spec.os) return []
  const name = spec.os.name ?? ''
  if (!name) return [required(`${path}.os.name`, 'cannot be empty')]
  if (name !== 'linux' && name !== 'windows') return [notSupported(`${path}.os`, name, ['linux', 'windows'])]
  const errors: FieldError[] = []
  const refuse = (holder: object | undefined, fields: readonly string[], at: string, text: string) => {
    for (const field of fields)
      if ((holder as Record<string, unknown> | undefined)?.[field] !== undefined)
        errors.push(forbidden(`${at}.${field}`, text))
  }
  if (name === 'linux') {
    const text = 'windows options cannot be set for a linux pod'
    refuse(spec.securityContext, ['windowsOptions'], `${path}.securityContext`, text)
    for (const { path: at, container } of allContainers(spec)) {
      refuse(container.securityContext, ['windowsOptions'], `${path}.${at}.securityContext`, text)
    }
    return errors
  }
  const text = 'cannot be set for a windows pod'
  refuse(spec.securityContext, podFieldsOfLinux, `${path}.securityContext`, text)
  refuse(spec, ['hostUsers', 'shareProcessNamespace'], path, text)
  for (const field of ['hostPID', 'hostIPC'] as const) if (spec[field]) errors.push(forbidden(`${path}.${field}`, text))
  for (const { path: at, container } of allContainers(spec)) {
    refuse(container.securityContext, containerFieldsOfLinux, `${path}.${at}.securityContext`, text)
  }
  return errors
}

export function validateHostUsers(spec: PodSpec, path: string): FieldError[] {
  if (spec.hostUsers !== false) return []
  const text = 'when `hostUsers` is false'
  return [
    ...(spec.hostNetwork ? [forbidden(`${path}.hostNetwork`, text)] : []),
    ...(spec.hostPID ? [forbidden(`${path}.HostPID`, text)] : []),
    ...(spec.hostIPC ? [forbidden(`${path}.HostIPC`, text)] : []),
    ...allContainers(spec).flatMap(({ path: at, container }) =>
      container.volumeDevices?.length ? [forbidden(`${path}.${at}.volumeDevices`, text)] : [],
    ),
  ]
}
