import os from 'node:os'
import { timestamp, type Clock } from '../../base/clock.ts'
import { uidOf } from '../types.ts'
import type { ServedNode } from './host.ts'

/** Readings to the millisecond: rates are made of them. */
const exactly = (ms: number): string => new Date(ms).toISOString()

/** A small part of the summary API: CPU time and memory of the machine and of containers. */
export async function statsSummary(nodes: readonly ServedNode[], clock: Clock): Promise<object> {
  const pods = await Promise.all(
    nodes.flatMap(async (node) => {
      const stats = new Map((await node.runtime.stats()).map((sample) => [sample.containerId, sample]))
      const of = await Promise.all(
        node.pods.map(async (pod) => {
          const { containers } = await node.inspect(pod)
          const running = containers.flatMap(({ id, name, startedAt }) => {
            const sample = stats.get(id)
            if (!sample) return []
            const time = exactly(sample.at)
            return {
              name,
              startTime: exactly(startedAt),
              cpu: { time, usageCoreNanoSeconds: sample.cpuNanos },
              memory: { time, workingSetBytes: sample.memoryBytes, rssBytes: sample.memoryBytes },
            }
          })
          const { name, namespace } = pod.metadata ?? {}
          return { podRef: { name, namespace, uid: uidOf(pod) }, startTime: pod.status?.startTime, containers: running }
        }),
      )
      return of
    }),
  )
  return { node: { nodeName: nodes[0]?.name ?? '', ...machineUsage(clock) }, pods: pods.flat() }
}

const nanosPerMs = 1_000_000

function machineUsage(clock: Clock): object {
  const time = exactly(clock.now())
  const busy = os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
  const used = os.totalmem() - os.freemem()
  return {
    startTime: timestamp(clock.now() - os.uptime() * 1000),
    cpu: { time, usageCoreNanoSeconds: busy * nanosPerMs },
    memory: { time, workingSetBytes: used, availableBytes: os.freemem() },
  }
}
