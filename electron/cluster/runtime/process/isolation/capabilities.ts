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

type Config = Pick<ContainerConfig, 'privileged' | 'capabilities'>

const namesOf = ({ capabilities = { add: [], drop: [] } }: Config): [add: string[], drop: string[]] =>
  [capabilities.add, capabilities.drop].map((names) =>
    names.map((name) => name.toLowerCase().replace(/^cap_/, '')).filter((name) => isName.test(name)),
  ) as [string[], string[]]

const keptOf = (drop: readonly string[]): string[] =>
  drop.includes('all') ? [] : usual.filter((name) => !drop.includes(name))

/** Arguments of setpriv that take the capabilities away which a container shall not have. */
export function capabilityArguments(config: Config): string[] {
  if (config.privileged) return []
  const [add, drop] = namesOf(config)
  const bounding = add.includes('all')
    ? ['+all', ...drop.filter((name) => name !== 'all').map((name) => `-${name}`)]
    : ['-all', ...new Set([...keptOf(drop), ...add])].map((name, i) => (i ? `+${name}` : name))
  return ['--inh-caps', '-all', '--bounding-set', bounding.join()]
}

/** Whether a container has a capability (a name without CAP_). */
export function capabilityTest(config: Config): (name: string) => boolean {
  const [add, drop] = namesOf(config)
  const kept = new Set([...keptOf(drop), ...add])
  return (name) => kept.has(name.toLowerCase()) || (add.includes('all') && !drop.includes(name.toLowerCase()))
}
