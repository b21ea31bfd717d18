import { readFileSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
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
export function parseDevices(text: string): NetworkStats['interfaces'] {
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

/** What lies below a directory on its own file system, in blocks as they are taken. Links are counted, not followed. */
export async function writtenBytes(directory: string): Promise<{ bytes: number; files: number }> {
  const sum = { bytes: 0, files: 0 }
  const device = await lstat(directory).then(
    ({ dev }) => dev,
    () => undefined,
  )
  const seen = new Set<number>()
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const target = path.join(folder, entry.name)
      const found = await lstat(target).catch(() => undefined)
      if (!found || found.dev !== device) continue
      if (found.nlink > 1 && !entry.isDirectory()) {
        if (seen.has(found.ino)) continue
        seen.add(found.ino)
      }
      sum.bytes += found.blocks * 512
      sum.files++
      if (entry.isDirectory()) await walk(target)
    }
  }
  await walk(directory)
  return sum
}
