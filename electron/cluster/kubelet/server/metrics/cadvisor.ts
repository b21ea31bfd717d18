import type { ContainerStats, TrafficStats } from '../../../runtime/api.ts'
import { uidOf } from '../../types.ts'
import type { Family, Sample } from './prometheus.ts'
import type { ContainerSample, NodeSample, PodSample } from './sample.ts'

const nanos = 1e9
const periodMicros = 100_000

/** A family with a sample for each container that the value is known of. */
type OfContainers = [
  name: string,
  help: string,
  type: Family['type'],
  value: (of: ContainerSample) => number | undefined,
]

const detail =
  (read: (details: NonNullable<ContainerStats['details']>) => number) =>
  ({ stats }: ContainerSample): number | undefined =>
    stats.details && read(stats.details)

const ofContainers: readonly OfContainers[] = [
  [
    'container_cpu_usage_seconds_total',
    'Cumulative cpu time consumed in seconds.',
    'counter',
    ({ stats }) => stats.cpuNanos / nanos,
  ],
  ['container_memory_working_set_bytes', 'Current working set in bytes.', 'gauge', ({ stats }) => stats.memoryBytes],
  [
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    'gauge',
    detail(({ usageBytes }) => usageBytes),
  ],
  ['container_memory_rss', 'Size of RSS in bytes.', 'gauge', detail(({ rssBytes }) => rssBytes)],
  ['container_memory_cache', 'Number of bytes of page cache memory.', 'gauge', detail(({ cacheBytes }) => cacheBytes)],
  [
    'container_cpu_cfs_periods_total',
    'Number of elapsed enforcement period intervals.',
    'counter',
    detail(({ periods }) => periods),
  ],
  [
    'container_cpu_cfs_throttled_periods_total',
    'Number of throttled period intervals.',
    'counter',
    detail(({ throttledPeriods }) => throttledPeriods),
  ],
  [
    'container_cpu_cfs_throttled_seconds_total',
    'Total time duration the container has been throttled.',
    'counter',
    detail(({ throttledNanos }) => throttledNanos / nanos),
  ],
  [
    'container_processes',
    'Number of processes running inside the container.',
    'gauge',
    detail(({ processes }) => processes),
  ],
  [
    'container_start_time_seconds',
    'Start time of the container since unix epoch in seconds.',
    'gauge',
    ({ instance }) => Math.floor(instance.startedAt / 1000),
  ],
  [
    'container_last_seen',
    'Last time a container was seen by the exporter',
    'gauge',
    ({ stats }) => Math.floor(stats.at / 1000),
  ],
  ['container_spec_cpu_period', 'CPU period of the container.', 'gauge', () => periodMicros],
  [
    'container_spec_cpu_quota',
    'CPU quota of the container.',
    'gauge',
    ({ instance: { resources } }) => resources.cpuLimitMilli && (resources.cpuLimitMilli * periodMicros) / 1000,
  ],
  [
    'container_spec_cpu_shares',
    'CPU share of the container.',
    'gauge',
    ({ instance: { resources } }) => Math.max(2, Math.floor(((resources.cpuRequestMilli ?? 0) * 1024) / 1000)),
  ],
  [
    'container_spec_memory_limit_bytes',
    'Memory limit for the container.',
    'gauge',
    ({ instance: { resources } }) => resources.memoryLimitBytes ?? 0,
  ],
]

type OfInterfaces = [
  name: string,
  help: string,
  value: (traffic: { received: TrafficStats; sent: TrafficStats }) => number,
]

const ofInterfaces: readonly OfInterfaces[] = [
  ['container_network_receive_bytes_total', 'Cumulative count of bytes received', ({ received }) => received.bytes],
  [
    'container_network_receive_packets_total',
    'Cumulative count of packets received',
    ({ received }) => received.packets,
  ],
  [
    'container_network_receive_errors_total',
    'Cumulative count of errors encountered while receiving',
    ({ received }) => received.errors,
  ],
  [
    'container_network_receive_packets_dropped_total',
    'Cumulative count of packets dropped while receiving',
    ({ received }) => received.dropped,
  ],
  ['container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', ({ sent }) => sent.bytes],
  ['container_network_transmit_packets_total', 'Cumulative count of packets transmitted', ({ sent }) => sent.packets],
  [
    'container_network_transmit_errors_total',
    'Cumulative count of errors encountered while transmitting',
    ({ sent }) => sent.errors,
  ],
  [
    'container_network_transmit_packets_dropped_total',
    'Cumulative count of packets dropped while transmitting',
    ({ sent }) => sent.dropped,
  ],
]

/** /metrics/cadvisor: containers by cgroup, image and pod; the network of pods by interface. */
export function cadvisorMetrics(samples: readonly NodeSample[]): Family[] {
  const pods = samples.flatMap(({ pods: of }) => of)
  const containers = pods.flatMap((pod) => pod.containers.map((of) => ({ of, labels: labelsOf(pod, of) })))
  const families = ofContainers.map(([name, help, type, read]): Family => {
    const known = containers.flatMap(({ of, labels }): Sample[] => {
      const value = read(of)
      return value === undefined ? [] : [{ labels, value, at: of.stats.at }]
    })
    return { name, help, type, samples: known }
  })
  const networks = ofInterfaces.map(([name, help, read]): Family => {
    const known = pods.flatMap((pod) =>
      (pod.network?.interfaces ?? []).map((of) => ({
        labels: { ...labelsOf(pod), interface: of.name },
        value: read(of),
        at: pod.network!.at,
      })),
    )
    return { name, help, type: 'counter', samples: known }
  })
  const error = { name: 'container_scrape_error', type: 'gauge', samples: [{ value: 0 }] } as const
  const help = '1 if there was an error while getting container metrics, 0 otherwise'
  return [...families, ...networks, { ...error, help }]
}

/** Without a container: of the pod. Every series has every label, as cAdvisor's have. */
function labelsOf({ pod }: PodSample, of?: ContainerSample): Record<string, string> {
  const group = `/kubepods/pod${uidOf(pod)}`
  return {
    container: of?.instance.name ?? '',
    id: of ? `${group}/${of.instance.id}` : group,
    image: of?.instance.image ?? '',
    name: of?.instance.id ?? '',
    namespace: pod.metadata?.namespace ?? '',
    pod: pod.metadata?.name ?? '',
  }
}
