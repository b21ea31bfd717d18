import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { PodNetwork } from '../api.ts'
import { AddressPool } from './address-pool.ts'
import { parseRange } from './cidr.ts'
import { command, feed, ipBatch, ipBatches } from './commands.ts'
import { dialTcp } from './dial.ts'
import { acceptForwarding } from './forwarding.ts'
import { checkFree } from './free-range.ts'
import { Leases } from './leases.ts'
import { bridgeName } from './names.ts'
import type { PodNetworkDeps } from './deps.ts'

/**
 * A network namespace per pod, joined to a bridge by a pair of virtual interfaces. A pod has a /32 address and sends
 * everything to the gateway, other pods' packets included: so all traffic passes the host's IP stack, where services
 * and policies act, and answers come back the same way.
 */
export async function createBridgeNetwork(deps: PodNetworkDeps, hash: string): Promise<PodNetwork> {
  const { podCidr, logger } = deps
  const range = parseRange(podCidr)
  const pool = new AddressPool(range)
  const { gateway } = pool
  const bridge = bridgeName(hash)
  const table = `wheelhouse_${hash}`
  const leases = new Leases(path.join(deps.directory, 'pod-addresses.json'))
  const namespaceOf = (sandboxId: string) => `wh-${hash}-${sandboxId.slice(0, 12)}`
  const linkOf = (sandboxId: string) => `w${hash.slice(0, 4)}${sandboxId.slice(0, 10)}`

  const present = async () =>
    (await command('ip', 'netns', 'list'))
      .split('\n')
      .flatMap((line) => (line.startsWith(`wh-${hash}-`) ? [line.split(' ')[0]!] : []))

  await checkFree(range, bridge)
  await removeStale()
  await prepareHost()
  const closeFirewall = await acceptForwarding(bridge)
  const limits = routeOutside()
    ? []
    : ['Pods cannot reach the world outside: IP forwarding may not be switched on here.']

  /** What a dead cluster of this name left: addresses without a namespace, namespaces without an address. */
  async function removeStale(): Promise<void> {
    const namespaces = new Set(await present())
    for (const [sandboxId, address] of leases.entries()) {
      if (namespaces.delete(namespaceOf(sandboxId))) pool.reserve(address)
      else leases.delete(sandboxId)
    }
    if (!namespaces.size) return
    logger.info('removing network namespaces of an earlier run', { count: namespaces.size })
    await ipBatch(
      [...namespaces].map((name) => `netns delete ${name}`),
      '-force',
    )
  }

  async function prepareHost(): Promise<void> {
    // A fixed hardware address: a bridge otherwise takes one of its ports', and pods would look for the old one.
    await command(
      'ip',
      'link',
      'add',
      bridge,
      'address',
      `02:${hash.match(/../g)!.join(':')}:01`,
      'type',
      'bridge',
    ).catch((error: Error) => {
      if (!error.message.includes('File exists')) throw error
    })
    // Forwarding packets back to the bridge they came from is the normal case here, not worth a redirect.
    setForInterface(bridge, { forwarding: 1, send_redirects: 0, rp_filter: 2 })
    await ipBatch([
      ...withoutIpv6(bridge),
      `address replace ${gateway}/${range.prefix} dev ${bridge}`,
      `link set ${bridge} up`,
    ])
    await feed(
      'nft',
      ['-f', '-'],
      [
        `table ip ${table} {}`,
        `delete table ip ${table}`,
        `table ip ${table} {`,
        '  chain postrouting {',
        '    type nat hook postrouting priority srcnat; policy accept;',
        `    ip saddr ${podCidr} ip daddr != ${deps.clusterCidr ?? podCidr} oifname != "${bridge}" masquerade`,
        '  }',
        '}',
      ],
    )
  }

  const forget = (sandboxId: string, address = leases.get(sandboxId)) => {
    leases.delete(sandboxId)
    if (address) pool.release(address)
  }

  async function detachAll(sandboxIds: readonly string[]): Promise<void> {
    if (!sandboxIds.length) return
    // Processes that still hold a namespace keep the pair alive: the host's end goes by name, at once.
    const deletions = sandboxIds.flatMap((id) => [`link delete ${linkOf(id)}`, `netns delete ${namespaceOf(id)}`])
    await ipBatch(deletions, '-force').catch(() => {})
    sandboxIds.forEach((id) => forget(id))
  }

  const network: PodNetwork = {
    driver: 'bridge',
    podCidr,
    gateway,
    nodeAddress: gateway,
    limits,
    async attach(sandboxId, _pod, into) {
      const name = namespaceOf(sandboxId)
      const namespace = `/run/netns/${name}`
      const known = leases.get(sandboxId)
      if (known) return { ip: known, namespace }
      const ip = pool.take()
      try {
        leases.set(sandboxId, ip)
        const link = linkOf(sandboxId)
        await ipBatches(
          [
            into ? `netns attach ${name} ${into.pid}` : `netns add ${name}`,
            `link add ${link} type veth peer name eth0 netns ${name}`,
            `link set ${link} master ${bridge} up`,
            `link set ${link} type bridge_slave hairpin on`,
            // Another agent may have given the address to a pod that has gone: the machine would go on asking for that one.
            `neigh flush to ${ip} dev ${bridge}`,
          ],
          name,
          [
            'link set lo up',
            ...withoutIpv6('eth0'),
            `address add ${ip}/32 dev eth0`,
            'link set eth0 up',
            `route add ${gateway} dev eth0 scope link`,
            `route add default via ${gateway} dev eth0`,
          ],
        )
      } catch (error) {
        await command('ip', 'netns', 'delete', name).catch(() => {})
        forget(sandboxId, ip)
        throw error
      }
      return { ip, namespace }
    },
    detach: (sandboxId) => detachAll(leases.get(sandboxId) ? [sandboxId] : []),
    async retain(sandboxIds) {
      const wanted = new Set(sandboxIds)
      await detachAll(leases.entries().flatMap(([sandboxId]) => (wanted.has(sandboxId) ? [] : [sandboxId])))
    },
    reapCommands: (sandboxId) => [
      ['ip', 'link', 'delete', linkOf(sandboxId)],
      ['ip', 'netns', 'delete', namespaceOf(sandboxId)],
    ],
    dial: dialTcp,
    locate: () => undefined,
    async [Symbol.asyncDispose]() {
      await network.retain([])
      await closeFirewall()
      await ipBatch([`link delete ${bridge}`]).catch(() => {})
      await feed('nft', ['-f', '-'], [`delete table ip ${table}`]).catch(() => {})
    },
  }
  return network
}

/** Interfaces give themselves addresses of IPv6, by which pods would reach each other and the machine past all policies. */
const withoutIpv6 = (device: string): string[] =>
  existsSync('/proc/sys/net/ipv6') ? [`link set ${device} addrgenmode none`] : []

function setForInterface(name: string, settings: Readonly<Record<string, number>>): void {
  for (const [setting, value] of Object.entries(settings)) {
    try {
      writeFileSync(`/proc/sys/net/ipv4/conf/${name}/${setting}`, String(value))
    } catch {
      // A read-only /proc/sys: the host's own settings hold.
    }
  }
}

/** Answers from outside come in through the host's interfaces, so they must forward as well. */
function routeOutside(): boolean {
  try {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
    return true
  } catch {
    return false
  }
}
