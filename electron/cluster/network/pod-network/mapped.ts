import { rmSync } from 'node:fs'
import { createServer, isIPv4 } from 'node:net'
import path from 'node:path'
import type { PodNetwork } from '../api.ts'
import { AddressPool } from './address-pool.ts'
import { contains, parseAddress, parseRange } from './cidr.ts'
import { dialTcp } from './dial.ts'
import { Leases } from './leases.ts'
import type { PodNetworkDeps } from './deps.ts'
import { PortReports } from './port-reports.ts'

const loopback = parseRange('127.0.0.0/8')

/**
 * Pods without a network of their own: their programs listen on free ports of the host's loopback and report which, and
 * ask where an address of the cluster is before they connect. A pod's address is only a name here, that `locate` translates.
 */
export async function createMappedNetwork(deps: PodNetworkDeps, hash: string, why: string): Promise<PodNetwork> {
  const range = parseRange(deps.podCidr)
  const pool = new AddressPool(range)
  const nodeAddress = pool.gateway
  const gateway = '127.0.0.1'
  const leases = new Leases(path.join(deps.directory, 'pod-addresses.json'))
  for (const [, address] of leases.entries()) pool.reserve(address)

  /** By sandbox: ports that a container runtime has opened on the loopback. */
  const published = new Map<string, ReadonlyMap<number, number>>()
  const publishedAt = (sandboxId: string, port: number) => {
    const there = published.get(sandboxId)?.get(port)
    return there === undefined ? undefined : { host: gateway, port: there }
  }

  const reports: PortReports = new PortReports((sandboxId, given, port) => {
    // Programs write IPv4 addresses as IPv6 ones too.
    const ip = given.replace(/^::ffff:/, '')
    if (isOwnLoopback(ip)) return reports.inner(sandboxId, port) ?? 'refused'
    return isIPv4(ip) ? (deps.locate ?? network.locate)(ip, port) : undefined
  })
  const reportSocket =
    process.platform === 'win32'
      ? `\\\\.\\pipe\\wheelhouse-net-${hash}`
      : path.join(deps.runDirectory, `net-${hash}.sock`)
  if (process.platform !== 'win32') rmSync(reportSocket, { force: true })
  const server = createServer(reports.accept)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(reportSocket, resolve)
  })

  const network: PodNetwork = {
    driver: 'mapped',
    podCidr: deps.podCidr,
    gateway,
    nodeAddress,
    limits: [
      `Pods share this machine's network (${why}): their Node programs, those of the sample images, are led to the cluster's addresses, names and ports; what else runs in them is not.`,
      'NetworkPolicies are not enforced: what pods send passes no network of their own.',
    ],
    async attach(sandboxId) {
      const known = leases.get(sandboxId)
      if (known) return { ip: known, reportSocket }
      const ip = pool.take()
      try {
        leases.set(sandboxId, ip)
      } catch (error) {
        pool.release(ip)
        throw error
      }
      return { ip, reportSocket }
    },
    detach(sandboxId) {
      const address = leases.get(sandboxId)
      if (address) pool.release(address)
      leases.delete(sandboxId)
      published.delete(sandboxId)
      return Promise.resolve()
    },
    async retain(sandboxIds) {
      const wanted = new Set(sandboxIds)
      for (const [sandboxId] of leases.entries()) if (!wanted.has(sandboxId)) await network.detach(sandboxId)
    },
    reapCommands: () => [],
    locate(ip, port) {
      if (!isIPv4(ip) || !contains(range, parseAddress(ip))) return undefined
      if (ip === nodeAddress) return { host: gateway, port }
      const sandbox = leases.sandboxAt(ip)
      if (sandbox === undefined) return 'refused'
      return reports.outer(sandbox, port) ?? publishedAt(sandbox, port) ?? 'refused'
    },
    loopback: (sandboxId, port) => reports.inner(sandboxId, port),
    publish: (sandboxId, ports) => void published.set(sandboxId, ports),
    dial(ip, port, signal) {
      const place = network.locate(ip, port) ?? { host: ip, port }
      if (place !== 'refused') return dialTcp(place.host, place.port, signal)
      const refusal = new Error(`connect ECONNREFUSED ${ip}:${port}`)
      return Promise.reject(Object.assign(refusal, { code: 'ECONNREFUSED' }))
    },
    async [Symbol.asyncDispose]() {
      reports.close()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  return network
}

/** Whoever connects to "any address" reaches its own machine. */
const isOwnLoopback = (ip: string): boolean =>
  ['::1', '::', '0.0.0.0'].includes(ip) || (isIPv4(ip) && contains(loopback, parseAddress(ip)))
