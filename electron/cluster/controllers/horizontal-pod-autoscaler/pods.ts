import { podCondition, type PodView } from '../framework/support/pods.ts'
import { cpuInitializationPeriod, initialReadinessDelay } from './settings.ts'

/** What one pod uses: thousandths, measured over a window that ends at a time. Times in milliseconds. */
export interface Sample {
  readonly value: number
  readonly timestamp: number
  readonly window: number
}

/** By pod name. */
export type Samples = ReadonlyMap<string, Sample>

export interface Groups {
  /** Number of pods whose sample counts. */
  readonly ready: number
  readonly unready: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
  readonly ignored: ReadonlySet<string>
}

/** Which pods count. Source: podautoscaler/replica_calculator.go, groupPods. */
export function groupPods(
  pods: readonly PodView[],
  samples: Samples,
  resource: string | undefined,
  now: number,
): Groups {
  let ready = 0
  const unready = new Set<string>()
  const missing = new Set<string>()
  const ignored = new Set<string>()
  for (const pod of pods) {
    const name = pod.metadata?.name ?? ''
    const phase = pod.status?.phase
    const sample = samples.get(name)
    if (pod.metadata?.deletionTimestamp || phase === 'Failed') ignored.add(name)
    else if (phase === 'Pending') unready.add(name)
    else if (!sample) missing.add(name)
    else if (resource === 'cpu' && isStarting(pod, sample, now)) unready.add(name)
    else ready++
  }
  return { ready, unready, missing, ignored }
}

/** Starting costs CPU that serving does not: such a sample says nothing about the load. */
function isStarting(pod: PodView, sample: Sample, now: number): boolean {
  const condition = podCondition(pod, 'Ready')
  if (!condition || !pod.status?.startTime) return true
  const started = Date.parse(pod.status.startTime)
  const since = condition.lastTransitionTime ? Date.parse(condition.lastTransitionTime) : 0
  const isUnready = condition.status === 'False'
  if (started + cpuInitializationPeriod > now) return isUnready || sample.timestamp < since + sample.window
  return isUnready && started + initialReadinessDelay > since
}
