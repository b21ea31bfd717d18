import { entries } from '../../registry/loose.ts'
import type { Container, SecurityContext } from '../../registry/core/pod/types.ts'
import { hasOwnUsers, named, plural, quoted, setters, sorted, type Check, type Subject } from './check.ts'
import { seccompBaseline } from './seccomp.ts'

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'

const appArmorProfile: Check = {
  violation({ metadata, spec, containers }) {
    type Profile = { type?: string | undefined } | undefined
    const isBad = (profile: Profile) => !!profile && !['RuntimeDefault', 'Localhost'].includes(profile.type ?? '')
    const profileOf = ({ securityContext }: Container) =>
      (securityContext as { appArmorProfile?: Profile } | undefined)?.appArmorProfile
    const ofPod = spec.securityContext?.appArmorProfile
    const bad = containers.filter((container) => isBad(profileOf(container)))
    const values = sorted(
      [...(isBad(ofPod) ? [ofPod] : []), ...bad.map(profileOf)].map((profile) => profile?.type ?? ''),
    )
    const annotations = entries(metadata.annotations)
      .filter(
        ([key, value]) =>
          key.startsWith(appArmorPrefix) &&
          value !== '' &&
          value !== 'runtime/default' &&
          !value.startsWith('localhost/'),
      )
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .sort()
    const all = [...values, ...annotations]
    if (!all.length) return undefined
    const who = [
      setters(isBad(ofPod), bad),
      annotations.length ? plural('annotation', 'annotations', annotations.length) : '',
    ]
    return {
      reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', all.length),
      detail: `${who.filter(Boolean).join(' and ')} must not set AppArmor profile type to ${quoted(all)}`,
    }
  },
}

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])

const capabilities: Check = {
  overlapped: true,
  violation({ containers }) {
    const added = ({ securityContext }: Container) =>
      (securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name))
    const bad = containers.filter((container) => added(container).length)
    if (!bad.length) return undefined
    const detail = `${named(bad)} must not include ${quoted(sorted(bad.flatMap(added)))} in securityContext.capabilities.add`
    return { reason: 'non-default capabilities', detail }
  },
}

const hostNamespaces: Check = {
  violation({ spec }) {
    const shared = (['hostIPC', 'hostNetwork', 'hostPID'] as const).filter((field) => spec[field])
    return shared.length
      ? { reason: 'host namespaces', detail: shared.map((field) => `${field}=true`).join(', ') }
      : undefined
  },
}

const hostPathVolumes: Check = {
  overlapped: true,
  violation({ spec }) {
    const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name = '' }) => name)
    return names.length
      ? { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` }
      : undefined
  },
}

const hostPorts: Check = {
  violation({ containers }) {
    const used = ({ ports }: Container) => (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []))
    const bad = containers.filter((container) => used(container).length)
    if (!bad.length) return undefined
    const ports = sorted(bad.flatMap(used))
    const verb = plural('uses', 'use', bad.length)
    return {
      reason: 'hostPort',
      detail: `${named(bad)} ${verb} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`,
    }
  },
}

function probedHosts({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): string[] {
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
    .filter((host): host is string => !!host)
}

const hostProbes: Check = {
  since: 34,
  violation({ containers }) {
    const bad = containers.filter((container) => probedHosts(container).length)
    if (!bad.length) return undefined
    const hosts = sorted(bad.flatMap(probedHosts))
    const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length)
    return {
      reason: 'probe or lifecycle host',
      detail: `${named(bad)} ${plural('uses', 'use', bad.length)} ${what} ${quoted(hosts)}`,
    }
  },
}

const privileged: Check = {
  violation({ containers }) {
    const bad = containers.filter(({ securityContext }) => securityContext?.privileged)
    return bad.length
      ? { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` }
      : undefined
  },
}

const procMount: Check = {
  violation(subject, minor) {
    if (minor >= 34 && hasOwnUsers(subject)) return undefined
    const bad = subject.containers.filter(
      ({ securityContext }) => (securityContext?.procMount ?? 'Default') !== 'Default',
    )
    if (!bad.length) return undefined
    const values = sorted(bad.map(({ securityContext }) => securityContext!.procMount!))
    return { reason: 'procMount', detail: `${named(bad)} must not set securityContext.procMount to ${quoted(values)}` }
  },
}

const seLinuxOptions: Check = {
  violation({ spec, containers }, minor) {
    const types = new Set([
      '',
      'container_t',
      'container_init_t',
      'container_kvm_t',
      ...(minor >= 31 ? ['container_engine_t'] : []),
    ])
    type Options = SecurityContext['seLinuxOptions']
    const isBad = (options: Options) =>
      !!options && (!types.has(options.type ?? '') || !!options.user || !!options.role)
    const ofPod = spec.securityContext?.seLinuxOptions
    const bad = containers.filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions))
    const all = [...(isBad(ofPod) ? [ofPod] : []), ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)]
    if (!all.length) return undefined
    const badTypes = sorted(all.map((options) => options?.type ?? '')).filter((type) => !types.has(type))
    const details = [
      ...(badTypes.length ? [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ]
    const detail = `${setters(isBad(ofPod), bad)} set forbidden securityContext.seLinuxOptions: ${details.join('; ')}`
    return { reason: 'seLinuxOptions', detail }
  },
}

/** Safe kernel parameters, by the minor version since which they are. */
const safeSysctls: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
}

const sysctls: Check = {
  violation({ spec }, minor) {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name = '' }) => name)
    const bad = names.filter((name) => (safeSysctls[name] ?? Infinity) > minor)
    return bad.length ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined
  },
}

const windowsHostProcess: Check = {
  violation({ spec, containers }: Subject) {
    const bad = containers.filter(({ securityContext }) => securityContext?.windowsOptions?.hostProcess)
    const who = setters(!!spec.securityContext?.windowsOptions?.hostProcess, bad)
    return who
      ? { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` }
      : undefined
  },
}

/** In the order of upstream's check names. */
export const baseline: readonly Check[] = [
  appArmorProfile,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinuxOptions,
  seccompBaseline,
  sysctls,
  windowsHostProcess,
]
