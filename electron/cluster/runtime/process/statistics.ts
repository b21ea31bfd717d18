import type { ContainerStats, NetworkStats } from '../api.ts'
import { trafficOf } from '../traffic.ts'
import type { Cgroups } from '../cgroups/cgroups.ts'
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
    const interfaces = trafficOf(pid)
    return interfaces ? [{ sandboxId, at, interfaces }] : []
  })
}
