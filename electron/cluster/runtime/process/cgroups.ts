import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { ContainerConfig } from '../api.ts'

const periodMicros = 100_000

/** One container's place in the control groups. */
export interface ContainerCgroup {
  /** Files that take a pid. */
  readonly join: readonly string[]
  /** Counts `oom_kill`. */
  readonly oomFile: string
}

export interface CgroupUsage {
  cpuNanos: number
  memoryBytes: number
}

/** Limits and counts what containers use. Undefined from `openCgroups` where this process may not. */
export interface Cgroups {
  create(sandboxId: string, containerId: string, resources: ContainerConfig['resources']): ContainerCgroup
  find(sandboxId: string, containerId: string): ContainerCgroup
  usage(sandboxId: string, containerId: string): CgroupUsage | undefined
  remove(sandboxId: string, containerId?: string): Promise<void>
}

interface Layout {
  memory: string
  cpu: string
  cpuacct: string
  v2: boolean
}

/** `parent`: the name of this cluster's own group. */
export function openCgroups(parent: string, clock: Clock): Cgroups | undefined {
  const layout = findLayout()
  if (!layout) return undefined
  const roots = [...new Set([layout.memory, layout.cpu, layout.cpuacct])].map((root) => path.join(root, parent))
  const make = (...ids: string[]) => {
    for (const root of roots) {
      let directory = path.dirname(root)
      for (const name of [parent, ...ids]) {
        // Version 2 hands controllers down level by level.
        if (layout.v2) write(directory, 'cgroup.subtree_control', '+cpu +memory')
        directory = path.join(directory, name)
        mkdirSync(directory, { recursive: true })
      }
    }
  }
  try {
    make('probe')
    const usable = existsSync(
      path.join(layout.memory, parent, 'probe', layout.v2 ? 'memory.max' : 'memory.limit_in_bytes'),
    )
    for (const root of roots) rmdirSync(path.join(root, 'probe'))
    roots.forEach(removeIfEmpty)
    if (!usable) return undefined
  } catch {
    return undefined
  }

  const place = (controller: 'memory' | 'cpu' | 'cpuacct', ...ids: string[]) =>
    path.join(layout[controller], parent, ...ids)
  const find = (sandboxId: string, containerId: string): ContainerCgroup => ({
    join: roots.map((root) => path.join(root, sandboxId, containerId, 'cgroup.procs')),
    oomFile: path.join(place('memory', sandboxId, containerId), layout.v2 ? 'memory.events' : 'memory.oom_control'),
  })

  return {
    find,
    create(sandboxId, containerId, resources = {}) {
      make(sandboxId, containerId)
      const cpu = place('cpu', sandboxId, containerId)
      const memory = place('memory', sandboxId, containerId)
      const { cpuLimitMilli: limit, cpuRequestMilli: request, memoryLimitBytes: bytes } = resources
      const quota = limit ? Math.max(1000, (limit * periodMicros) / 1000) : undefined
      const shares = request ? Math.max(2, Math.floor((request * 1024) / 1000)) : undefined
      if (layout.v2) {
        if (bytes) write(memory, 'memory.max', bytes)
        if (quota) write(cpu, 'cpu.max', `${quota} ${periodMicros}`)
        if (shares) write(cpu, 'cpu.weight', weightOf(shares))
      } else {
        if (bytes) write(memory, 'memory.limit_in_bytes', bytes)
        if (quota) write(cpu, 'cpu.cfs_period_us', periodMicros)
        if (quota) write(cpu, 'cpu.cfs_quota_us', quota)
        if (shares) write(cpu, 'cpu.shares', shares)
      }
      return find(sandboxId, containerId)
    },
    usage(sandboxId, containerId) {
      try {
        const read = (controller: 'memory' | 'cpuacct', file: string) =>
          readFileSync(path.join(place(controller, sandboxId, containerId), file), 'utf8')
        const statistics = read('memory', 'memory.stat')
        const total = Number(read('memory', layout.v2 ? 'memory.current' : 'memory.usage_in_bytes'))
        const inactive = field(statistics, layout.v2 ? 'inactive_file' : 'total_inactive_file')
        const cpuNanos = layout.v2
          ? field(read('cpuacct', 'cpu.stat'), 'usage_usec') * 1000
          : Number(read('cpuacct', 'cpuacct.usage'))
        return { cpuNanos, memoryBytes: Math.max(0, total - inactive) }
      } catch {
        return undefined
      }
    },
    async remove(sandboxId, containerId) {
      for (const root of roots) await removeGroup(path.join(root, sandboxId, containerId ?? ''), clock)
      // The cluster's own group goes with its last pod's.
      if (containerId === undefined) roots.forEach(removeIfEmpty)
    },
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Others are in it, or it is gone.
  }
}

/** The kernel lets a group go a moment after its last process. */
async function removeGroup(directory: string, clock: Clock): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      rmdirSync(directory)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return
      await clock.sleep(10)
    }
  }
}

function findLayout(): Layout | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const root = '/sys/fs/cgroup'
  if (existsSync(path.join(root, 'cgroup.controllers'))) return { memory: root, cpu: root, cpuacct: root, v2: true }
  const controller = (name: string) =>
    [name, 'cpu,cpuacct', 'cpuacct,cpu']
      .map((entry) => path.join(root, entry))
      .find((entry) => existsSync(path.join(entry, 'tasks')))
  const [memory, cpu, cpuacct] = [path.join(root, 'memory'), controller('cpu'), controller('cpuacct')]
  return existsSync(path.join(memory, 'tasks')) && cpu && cpuacct ? { memory, cpu, cpuacct, v2: false } : undefined
}

function write(directory: string, file: string, value: string | number): void {
  try {
    writeFileSync(path.join(directory, file), String(value))
  } catch {
    // Best effort: a controller may be missing or a value refused.
  }
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

/** From shares (2 to 262144) to cgroup v2's weight (1 to 10000), as the kubelet converts. */
const weightOf = (shares: number): number => Math.floor(1 + ((shares - 2) * 9999) / 262142)
