import { readFileSync } from 'node:fs'
import type { NetworkStats, TrafficStats } from './api.ts'

/** What the kernel has counted in the network namespace of a process; undefined when that is gone. */
export function trafficOf(pid: number): NetworkStats['interfaces'] | undefined {
  try {
    return parseDevices(readFileSync(`/proc/${pid}/net/dev`, 'utf8'))
  } catch {
    return undefined
  }
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
