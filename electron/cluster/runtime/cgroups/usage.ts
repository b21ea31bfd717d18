import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ContainerStats } from '../api.ts'
import type { Layout } from './layout.ts'

export type Usage = Pick<ContainerStats, 'cpuNanos' | 'memoryBytes' | 'details'>

const nanosPerMicro = 1000

/** What a group has used; undefined when it is gone. */
export function usageOf(layout: Layout, names: readonly string[]): Usage | undefined {
  const read = (controller: 'memory' | 'cpu' | 'cpuacct', file: string) =>
    readFileSync(path.join(layout[controller], ...names, file), 'utf8')
  try {
    const memory = read('memory', 'memory.stat')
    const cpu = read('cpu', 'cpu.stat')
    const { v2 } = layout
    const usageBytes = Number(read('memory', v2 ? 'memory.current' : 'memory.usage_in_bytes'))
    return {
      cpuNanos: v2 ? field(cpu, 'usage_usec') * nanosPerMicro : Number(read('cpuacct', 'cpuacct.usage')),
      memoryBytes: Math.max(0, usageBytes - field(memory, v2 ? 'inactive_file' : 'total_inactive_file')),
      details: {
        usageBytes,
        rssBytes: field(memory, v2 ? 'anon' : 'total_rss'),
        cacheBytes: field(memory, v2 ? 'file' : 'total_cache'),
        pageFaults: field(memory, v2 ? 'pgfault' : 'total_pgfault'),
        majorPageFaults: field(memory, v2 ? 'pgmajfault' : 'total_pgmajfault'),
        processes: processesOf(layout, names),
        periods: field(cpu, 'nr_periods'),
        throttledPeriods: field(cpu, 'nr_throttled'),
        throttledNanos: v2 ? field(cpu, 'throttled_usec') * nanosPerMicro : field(cpu, 'throttled_time'),
      },
    }
  } catch {
    return undefined
  }
}

function processesOf({ pids }: Layout, names: readonly string[]): number {
  if (!pids) return 0
  try {
    return Number(readFileSync(path.join(pids, ...names, 'pids.current'), 'utf8'))
  } catch {
    return 0
  }
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
