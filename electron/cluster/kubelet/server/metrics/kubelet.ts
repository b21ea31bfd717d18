import os from 'node:os'
import { statfs } from 'node:fs/promises'
import type { Clock } from '../../../base/clock.ts'
import type { ServedNode } from '../host.ts'
import type { Family, Sample } from './prometheus.ts'

/** /metrics: the agent itself. */
export async function kubeletMetrics(nodes: readonly ServedNode[], clock: Clock, version: string): Promise<Family[]> {
  const states = new Map<string, number>()
  let running = 0
  for (const { runtime } of nodes) {
    for (const { state } of await runtime.containers()) states.set(state, (states.get(state) ?? 0) + 1)
    running += (await runtime.sandboxes()).filter(({ state }) => state === 'ready').length
  }
  const { user, system } = process.cpuUsage()
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name,
    help,
    type: 'gauge',
    samples,
  })
  return [
    gauge(
      'kubelet_node_name',
      "[ALPHA] The node's name. The count is always 1.",
      nodes.map(({ name }) => ({ labels: { node: name }, value: 1 })),
    ),
    gauge('kubelet_running_pods', '[ALPHA] Number of pods that have a running pod sandbox', [{ value: running }]),
    gauge(
      'kubelet_running_containers',
      '[ALPHA] Number of containers currently running',
      [...states].map(([container_state, value]) => ({ labels: { container_state }, value })),
    ),
    gauge('kubernetes_build_info', "[ALPHA] A metric with a constant '1' value labeled by version and platform.", [
      { labels: { git_version: version, platform: `${process.platform}/${process.arch}` }, value: 1 },
    ]),
    ...(await volumeMetrics(nodes)),
    {
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      type: 'counter',
      samples: [{ value: (user + system) / 1e6 }],
    },
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', [{ value: process.memoryUsage.rss() }]),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', [
      { value: Math.round(clock.now() / 1000 - process.uptime()) },
    ]),
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', [{ value: os.availableParallelism() }]),
    gauge('machine_memory_bytes', 'Amount of memory installed on the machine.', [{ value: os.totalmem() }]),
  ]
}

/** Of claims: what the file systems behind them have and take. */
async function volumeMetrics(nodes: readonly ServedNode[]): Promise<Family[]> {
  const found = await Promise.all(
    nodes.flatMap((node) =>
      node.claims().map(async ({ namespace, persistentvolumeclaim, path }) => {
        const stats = await statfs(path).catch(() => undefined)
        return stats ? [{ labels: { namespace, persistentvolumeclaim }, stats }] : []
      }),
    ),
  )
  const volumes = found.flat()
  const family = (name: string, help: string, read: (stats: (typeof volumes)[number]['stats']) => number): Family => ({
    name: `kubelet_volume_stats_${name}`,
    help: `[ALPHA] ${help}`,
    type: 'gauge',
    samples: volumes.map(({ labels, stats }) => ({ labels, value: read(stats) })),
  })
  return [
    family('capacity_bytes', 'Capacity in bytes of the volume', ({ blocks, bsize }) => blocks * bsize),
    family('available_bytes', 'Number of available bytes in the volume', ({ bavail, bsize }) => bavail * bsize),
    family('used_bytes', 'Number of used bytes in the volume', ({ blocks, bfree, bsize }) => (blocks - bfree) * bsize),
    family('inodes', 'Maximum number of inodes in the volume', ({ files }) => files),
    family('inodes_free', 'Number of free inodes in the volume', ({ ffree }) => ffree),
    family('inodes_used', 'Number of used inodes in the volume', ({ files, ffree }) => files - ffree),
  ]
}

/** /metrics/probes. */
export const probeMetrics = (nodes: readonly ServedNode[]): Family[] => [
  {
    name: 'prober_probe_total',
    help: '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
    type: 'counter',
    samples: nodes.flatMap((node) => node.probeCounts()),
  },
]
