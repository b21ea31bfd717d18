import type { Pod } from '../types.ts'

type Namespace = 'ipc' | 'net'

/** What pods may set of the kernel without asking. Source: pkg/kubelet/sysctl/safe_sysctls.go. */
const safe: Readonly<Record<string, Namespace>> = {
  'kernel.shm_rmid_forced': 'ipc',
  'net.ipv4.ip_local_port_range': 'net',
  'net.ipv4.tcp_syncookies': 'net',
  'net.ipv4.ping_group_range': 'net',
  'net.ipv4.ip_unprivileged_port_start': 'net',
  'net.ipv4.ip_local_reserved_ports': 'net',
  'net.ipv4.tcp_keepalive_time': 'net',
  'net.ipv4.tcp_fin_timeout': 'net',
  'net.ipv4.tcp_keepalive_intvl': 'net',
  'net.ipv4.tcp_keepalive_probes': 'net',
  'net.ipv4.tcp_rmem': 'net',
  'net.ipv4.tcp_wmem': 'net',
}

/** Slashes and dots are both in use: the first separator of a name decides what separates it. */
export function normalSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0]
  return first === '/' ? name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/')) : name
}

/** Why a pod's sysctls cannot be set here. */
export function forbiddenSysctl({ spec }: Pod): string | undefined {
  for (const { name } of spec?.securityContext?.sysctls ?? []) {
    const namespace = safe[normalSysctl(name)]
    if (!namespace) return `${JSON.stringify(name)} not allowlisted`
    if (namespace === 'ipc' ? spec?.hostIPC : spec?.hostNetwork)
      return `${JSON.stringify(name)} not allowed with host ${namespace} enabled`
  }
  return undefined
}
