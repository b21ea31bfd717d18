import type { ContainerConfig } from '../../api.ts'

/** What Docker and containerd leave to root of a container. */
const usual = [
  'audit_write',
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'mknod',
  'net_bind_service',
  'net_raw',
  'setfcap',
  'setgid',
  'setpcap',
  'setuid',
  'sys_chroot',
]

const isName = /^[a-z_]+$/

/** Arguments of setpriv that take the capabilities away which a container shall not have. */
export function capabilityArguments({
  privileged,
  capabilities = { add: [], drop: [] },
}: Pick<ContainerConfig, 'privileged' | 'capabilities'>): string[] {
  if (privileged) return []
  const [add, drop] = [capabilities.add, capabilities.drop].map((names) =>
    names.map((name) => name.toLowerCase().replace(/^cap_/, '')).filter((name) => isName.test(name)),
  ) as [string[], string[]]
  const kept = drop.includes('all') ? [] : usual.filter((name) => !drop.includes(name))
  const bounding = add.includes('all')
    ? ['+all', ...drop.filter((name) => name !== 'all').map((name) => `-${name}`)]
    : ['-all', ...new Set([...kept, ...add])].map((name, i) => (i ? `+${name}` : name))
  return ['--inh-caps', '-all', '--bounding-set', bounding.join()]
}
