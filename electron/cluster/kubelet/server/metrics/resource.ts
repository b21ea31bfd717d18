import type { Clock } from '../../../base/clock.ts'
import type { Family } from './prometheus.ts'
import { machineUsage, sumOf, type NodeSample } from './sample.ts'

const nanos = 1e9

/** /metrics/resource: what autoscalers read. Source: pkg/kubelet/metrics/collectors/resource_metrics.go. */
export function resourceMetrics(samples: readonly NodeSample[], clock: Clock): Family[] {
  const machine = machineUsage(clock)
  const pods = samples.flatMap(({ pods: of }) => of).filter(({ containers }) => containers.length)
  const podLabels = ({ pod: { metadata } }: (typeof pods)[number]) => ({
    namespace: metadata?.namespace ?? '',
    pod: metadata?.name ?? '',
  })
  const containers = pods.flatMap((pod) =>
    pod.containers.map(({ instance, stats }) => ({
      labels: { container: instance.name, ...podLabels(pod) },
      stats,
      startedAt: instance.startedAt,
    })),
  )
  const newest = (pod: (typeof pods)[number]) => Math.max(...pod.containers.map(({ stats }) => stats.at))
  const gauge = (name: string, help: string, of: Family['samples']): Family => ({
    name,
    help,
    type: 'gauge',
    samples: of,
  })
  const counter = (name: string, help: string, of: Family['samples']): Family => ({
    ...gauge(name, help, of),
    type: 'counter',
  })
  return [
    counter('node_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the node in core-seconds', [
      { value: machine.cpuNanos / nanos, at: machine.at },
    ]),
    gauge('node_memory_working_set_bytes', '[STABLE] Current working set of the node in bytes', [
      { value: machine.memoryBytes, at: machine.at },
    ]),
    counter(
      'container_cpu_usage_seconds_total',
      '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      containers.map(({ labels, stats }) => ({ labels, value: stats.cpuNanos / nanos, at: stats.at })),
    ),
    gauge(
      'container_memory_working_set_bytes',
      '[STABLE] Current working set of the container in bytes',
      containers.map(({ labels, stats }) => ({ labels, value: stats.memoryBytes, at: stats.at })),
    ),
    gauge(
      'container_start_time_seconds',
      '[STABLE] Start time of the container since unix epoch in seconds',
      containers.map(({ labels, startedAt }) => ({ labels, value: startedAt / 1000 })),
    ),
    counter(
      'pod_cpu_usage_seconds_total',
      '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      pods.map((pod) => ({
        labels: podLabels(pod),
        value: sumOf(pod.containers, ({ stats }) => stats.cpuNanos) / nanos,
        at: newest(pod),
      })),
    ),
    gauge(
      'pod_memory_working_set_bytes',
      '[STABLE] Current working set of the pod in bytes',
      pods.map((pod) => ({
        labels: podLabels(pod),
        value: sumOf(pod.containers, ({ stats }) => stats.memoryBytes),
        at: newest(pod),
      })),
    ),
    gauge('resource_scrape_error', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', [
      { value: 0 },
    ]),
  ]
}
