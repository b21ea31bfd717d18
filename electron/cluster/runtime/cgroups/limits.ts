import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Resources } from '../api.ts'
import { cpuPeriod, cpuQuota, cpuShares } from '../cpu.ts'
import type { Layout } from './layout.ts'

/** What version 1 says of memory without a limit is larger. */
const unlimited = 2 ** 60

/** Holds a group to its limits. What the kernel refuses is thrown, after everything else has been tried. */
export function applyLimits(layout: Layout, names: readonly string[], resources: Resources): void {
  const { cpuLimitMilli: limit, cpuRequestMilli: request, memoryLimitBytes: bytes } = resources
  const [memory, cpu] = [path.join(layout.memory, ...names), path.join(layout.cpu, ...names)]
  const quota = limit ? cpuQuota(limit) : undefined
  const shares = cpuShares(request)
  const writes: [directory: string, file: string, value: string | number][] = layout.v2
    ? [
        [memory, 'memory.max', bytes ?? 'max'],
        [cpu, 'cpu.max', `${quota ?? 'max'} ${cpuPeriod}`],
        [cpu, 'cpu.weight', weightOf(shares)],
      ]
    : [
        [memory, 'memory.limit_in_bytes', bytes ?? -1],
        [cpu, 'cpu.cfs_period_us', cpuPeriod],
        [cpu, 'cpu.cfs_quota_us', quota ?? -1],
        [cpu, 'cpu.shares', shares],
      ]
  const refused = writes.flatMap(([directory, file, value]) => write(path.join(directory, file), value) ?? [])
  if (refused.length) throw new Error(refused.join('; '))
}

/** All of a container dies when the kernel runs out of its memory, as version 1 cannot be told. */
export function killTogether({ memory, v2 }: Layout, names: readonly string[]): void {
  if (v2) write(path.join(memory, ...names, 'memory.oom.group'), 1)
}

export function limitProcesses({ pids }: Layout, names: readonly string[], count: number): void {
  if (pids) write(path.join(pids, ...names, 'pids.max'), count)
}

/** Answers why the value was refused. A file that says so already is left alone: writing costs the kernel more. */
export function write(file: string, value: string | number): string | undefined {
  try {
    const current = readFileSync(file, 'utf8').trim()
    if (current === String(value) || (value === -1 && Number(current) > unlimited)) return undefined
    writeFileSync(file, String(value))
    return undefined
  } catch (error) {
    return `${path.basename(file)} does not take ${value}: ${(error as NodeJS.ErrnoException).code}`
  }
}

/** From shares (2 to 262144) to cgroup v2's weight (1 to 10000). Source: libcontainer's ConvertCPUSharesToCgroupV2Value. */
const weightOf = (shares: number): number => Math.floor(1 + ((shares - 2) * 9999) / 262142)
