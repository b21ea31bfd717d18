import { readFileSync } from 'node:fs'
import type { ContainerStats, NetworkStats, TrafficStats } from '../api.ts'
import type { Cgroups } from './cgroups/cgroups.ts'
import type { Sandbox } from './sandbox.ts'
import { processUsage } from './usage.ts'

interface Alive {
  sandboxId: string
  id: string
  pid: number
}

const aliveIn = (sandboxes: Iterable<Sandbox>): Alive[] =>
  [...sandboxes].flatMap(({ record, containers }) =>
    [...containers.values()].flatMap(({ run, record: { id } }) =>
      run?.state === 'running' ? [{ sandboxId: record.id, id, pid: run.pid }] : [],
    ),
  )

export function containerStats(
  sandboxes: Iterable<Sandbox>,
  cgroups: Cgroups | undefined,
  at: number,
): ContainerStats[] {
  const alive = aliveIn(sandboxes)
  const byProcess = cgroups ? undefined : processUsage(alive.map(({ pid }) => pid))
  return alive.flatMap(({ sandboxId, id, pid }) => {
    const usage = cgroups ? cgroups.usage(sandboxId, id) : byProcess?.get(pid)
    return usage ? [{ containerId: id, sandboxId, at, ...usage }] : []
  })
}

/** What the kernel has counted in the network namespaces of pods; nothing of pods that share the machine's. */
export function networkStats(sandboxes: Iterable<Sandbox>, at: number): NetworkStats[] {
  const own = [...sandboxes].filter(({ record }) => record.namespace)
  const firsts = new Map(aliveIn(own).map((alive) => [alive.sandboxId, alive.pid]))
  return [...firsts].flatMap(([sandboxId, pid]) => {
    try {
      return [{ sandboxId, at, interfaces: parseDevices(readFileSync(`/proc/${pid}/net/dev`, 'utf8')) }]
    } catch {
      return []
    }
  })
}

/** Of /proc/net/dev: two lines of titles, then eight numbers of what was received and eight of what was sent. */
function parseDevices(text: string): NetworkStats['interfaces'] {
  return text.split('\n').flatMap((line) => {
    const [, name, rest] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? []
    if (!name || !rest || name === 'lo') return []
    const numbers = rest.trim().split(/\s+/).map(Number)
    const traffic = (at: number): TrafficStats => ({
      bytes: numbers[at] ?? 0,
      packets: numbers[at + 1] ?? 0,
      errors: numbers[at + 2] ?? 0,
      dropped: numbers[at + 3] ?? 0,
    })
    return [{ name, received: traffic(0), sent: traffic(8) }]
  })
}
