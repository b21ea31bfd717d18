import { statfs } from 'node:fs/promises'
import { timestamp, type Clock } from '../../../base/clock.ts'
import type { DirectorySize } from '../../../base/directory-size.ts'
import type { NetworkStats } from '../../../runtime/api.ts'
import type { PodDiskUsage } from '../../storage/disk-usage.ts'
import { uidOf } from '../../types.ts'
import type { ServedNode } from '../host.ts'
import { machineUsage, sampleNode, sumOf, type ContainerSample, type PodSample } from './sample.ts'

/** Readings to the millisecond: rates are made of them. */
const exactly = (ms: number): string => new Date(ms).toISOString()

/**
 * The summary API. `asked` is the node that is meant, for a simulated one is not served. Walking through the files of
 * pods can be left out. Source: kubelet's stats/v1alpha1 types.
 */
export async function statsSummary(
  nodes: readonly ServedNode[],
  clock: Clock,
  options: { asked: string; onlyCpuAndMemory: boolean },
): Promise<object> {
  const [first] = nodes
  const disk = first && !options.onlyCpuAndMemory ? await fileSystem(first.directory, clock) : undefined
  const pods = await Promise.all(
    nodes.map(async (node) => {
      const sample = await sampleNode(node)
      return Promise.all(
        sample.pods.map(async (pod) =>
          podSummary(pod, disk && { ...disk, usage: await node.diskUsage(pod.pod).catch(() => undefined) }),
        ),
      )
    }),
  )
  const machine = machineUsage(clock)
  const time = exactly(machine.at)
  return {
    node: {
      nodeName: first?.name ?? options.asked,
      startTime: timestamp(machine.startedAt),
      cpu: { time, usageCoreNanoSeconds: machine.cpuNanos },
      memory: { time, workingSetBytes: machine.memoryBytes, availableBytes: machine.availableBytes },
      ...(disk ? { fs: disk.whole, runtime: { imageFs: disk.whole, containerFs: disk.whole } } : {}),
    },
    pods: pods.flat(),
  }
}

interface Disk {
  whole: object
  shared: { availableBytes: number; capacityBytes: number; inodesFree: number; inodes: number }
  usage?: PodDiskUsage | undefined
}

async function fileSystem(directory: string, clock: Clock): Promise<Disk | undefined> {
  const found = await statfs(directory).catch(() => undefined)
  if (!found) return undefined
  const { blocks, bsize, bavail, bfree, files, ffree } = found
  const shared = { availableBytes: bavail * bsize, capacityBytes: blocks * bsize, inodesFree: ffree, inodes: files }
  const used = { usedBytes: (blocks - bfree) * bsize, inodesUsed: files - ffree }
  return { shared, whole: { time: exactly(clock.now()), ...shared, ...used } }
}

function podSummary({ pod, containers, network }: PodSample, disk: Disk | undefined): object {
  const { name, namespace } = pod.metadata ?? {}
  const time = exactly(Math.max(0, ...containers.map(({ stats }) => stats.at)))
  const ofDisk = (size: DirectorySize | undefined, at: number) =>
    size && { time: exactly(at), ...disk!.shared, usedBytes: size.bytes, inodesUsed: size.files }
  const { usage } = disk ?? {}
  const volumes = [...(usage?.volumes ?? [])].map(([volume, size]) => ({ ...ofDisk(size, usage!.at), name: volume }))
  const everything = usage && [...usage.volumes.values(), ...usage.roots.values(), ...usage.logs.values()]
  return {
    podRef: { name, namespace, uid: uidOf(pod) },
    startTime: pod.status?.startTime,
    containers: containers.map((container) => ({
      ...containerSummary(container),
      ...(usage
        ? {
            rootfs: ofDisk(usage.roots.get(container.instance.name), usage.at),
            logs: ofDisk(usage.logs.get(container.instance.name), usage.at),
          }
        : {}),
    })),
    ...(containers.length
      ? {
          cpu: { time, usageCoreNanoSeconds: sumOf(containers, ({ stats }) => stats.cpuNanos) },
          memory: { time, workingSetBytes: sumOf(containers, ({ stats }) => stats.memoryBytes) },
        }
      : {}),
    ...(network ? { network: networkSummary(network) } : {}),
    ...(volumes.length ? { volume: volumes } : {}),
    ...(everything
      ? {
          'ephemeral-storage': ofDisk(
            { bytes: sumOf(everything, ({ bytes }) => bytes), files: sumOf(everything, ({ files }) => files) },
            usage.at,
          ),
        }
      : {}),
  }
}

function containerSummary({ instance, stats }: ContainerSample): object {
  const time = exactly(stats.at)
  const { details } = stats
  const limit = instance.resources.memoryLimitBytes
  return {
    name: instance.name,
    startTime: exactly(instance.startedAt),
    cpu: { time, usageCoreNanoSeconds: stats.cpuNanos },
    memory: {
      time,
      workingSetBytes: stats.memoryBytes,
      rssBytes: details?.rssBytes ?? stats.memoryBytes,
      ...(limit ? { availableBytes: Math.max(0, limit - stats.memoryBytes) } : {}),
      ...(details
        ? { usageBytes: details.usageBytes, pageFaults: details.pageFaults, majorPageFaults: details.majorPageFaults }
        : {}),
    },
  }
}

function networkSummary({ at, interfaces }: NetworkStats): object {
  const all = interfaces.map(({ name, received, sent }) => ({
    name,
    rxBytes: received.bytes,
    rxErrors: received.errors,
    txBytes: sent.bytes,
    txErrors: sent.errors,
  }))
  return { time: exactly(at), ...(all[0] ?? { name: '' }), interfaces: all }
}
