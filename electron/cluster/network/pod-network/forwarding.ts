import { command } from './commands.ts'

/**
 * Docker and some firewalls drop forwarded packets that no rule of theirs accepts, and another table's acceptance does
 * not undo that: pods need a rule in the table that drops. Docker keeps a chain for rules of others.
 */
export async function acceptForwarding(bridge: string): Promise<() => Promise<void>> {
  const rules = await command('iptables', '-w', '-S', 'FORWARD').catch(() => '')
  if (!rules.includes('-P FORWARD DROP')) return async () => {}
  const chain = rules.includes('-j DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD'
  const accepted = ['-i', '-o'].map((direction) => [chain, direction, bridge, '-j', 'ACCEPT'])
  const remove = async () => {
    for (const rule of accepted) await command('iptables', '-w', '-D', ...rule).catch(() => {})
  }
  await remove()
  for (const rule of accepted) await command('iptables', '-w', '-I', ...rule)
  return remove
}
