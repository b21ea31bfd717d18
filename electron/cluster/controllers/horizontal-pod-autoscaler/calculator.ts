import { isPodReady, type PodView } from '../framework/support/pods.ts'
import { groupPods, type Samples } from './pods.ts'
import { requestOf } from './requests.ts'
import { isWithin, type Tolerances } from './tolerances.ts'
import { maxInt32 } from './types.ts'
import { UncomputableError } from './uncomputable.ts'

/** The pods of a scale, what is asked of them, and when. */
export interface Asked {
  readonly pods: readonly PodView[]
  readonly samples: Samples
  /** Undefined: a metric of one's own, which does not depend on how pods start. */
  readonly resource: string | undefined
  /** spec.replicas of the scale. */
  readonly current: number
  readonly tolerances: Tolerances
  readonly now: number
}

/** Usage in thousandths, on average; `utilization` in percent of what is requested. */
export interface Usage {
  readonly ratio: number
  readonly average: number
  readonly utilization?: number
}

export interface Proposal {
  readonly replicas: number
  readonly usage: Usage
}

type Values = ReadonlyMap<string, number>

/** How usage is compared with its target, and what a pod without a sample is taken to use where that saves it. */
interface Measure {
  of(values: Values): Usage
  assumed(pod: string): number
}

const replicasFor = (exact: number): number => Math.min(Math.ceil(exact), maxInt32)

/** Source: GetResourceReplicas. `target` in percent; throws UncomputableError. */
export function utilizationProposal(asked: Asked, target: number, container: string | undefined): Proposal {
  return podProposal(asked, () => {
    const requests = new Map<string, number>()
    for (const pod of asked.pods)
      requests.set(pod.metadata?.name ?? '', requestOf(pod, asked.resource ?? '', container))
    return {
      of: (values) => utilizationOf(values, requests, target),
      assumed: (pod) => Math.trunc(((requests.get(pod) ?? 0) * Math.max(100, target)) / 100),
    }
  })
}

function utilizationOf(values: Values, requests: Values, target: number): Usage {
  let used = 0
  let requested = 0
  let count = 0
  for (const [pod, value] of values) {
    const request = requests.get(pod)
    if (request === undefined) continue
    used += value
    requested += request
    count++
  }
  if (!requested) throw new UncomputableError('no metrics returned matched known pods')
  const utilization = Math.trunc((used * 100) / requested)
  return { ratio: utilization / target, average: Math.trunc(used / count), utilization }
}

/** Source: calcPlainMetricReplicas. `target` in thousandths per pod; throws UncomputableError. */
export function averageProposal(asked: Asked, target: number): Proposal {
  return podProposal(asked, () => ({
    of(values) {
      let sum = 0
      for (const value of values.values()) sum += value
      const average = Math.trunc(sum / values.size)
      return { ratio: average / target, average }
    },
    assumed: () => target,
  }))
}

function podProposal(asked: Asked, measureOf: () => Measure): Proposal {
  const { pods, samples, resource, current, tolerances, now } = asked
  if (!pods.length) throw new UncomputableError('no pods returned by selector while calculating replica count')
  const { ready, unready, missing, ignored } = groupPods(pods, samples, resource, now)
  const values = new Map<string, number>()
  for (const [pod, { value }] of samples) if (!ignored.has(pod) && !unready.has(pod)) values.set(pod, value)
  if (!values.size) throw new UncomputableError('did not receive metrics for targeted pods (pods might be unready)')
  const measure = measureOf()
  const usage = measure.of(values)
  const { ratio } = usage
  const isUnreadyCounted = unready.size > 0 && ratio > 1
  const stay: Proposal = { replicas: current, usage }
  if (!isUnreadyCounted && !missing.size)
    return isWithin(tolerances, ratio) ? stay : { replicas: replicasFor(ratio * ready), usage }

  // Whoever is not known is taken to be what speaks against a change.
  if (ratio !== 1) for (const pod of missing) values.set(pod, ratio < 1 ? measure.assumed(pod) : 0)
  if (isUnreadyCounted) for (const pod of unready) values.set(pod, 0)
  const careful = measure.of(values).ratio
  const isTurned = (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)
  if (isWithin(tolerances, careful) || isTurned) return stay
  const replicas = replicasFor(careful * values.size)
  const isAgainst = (careful < 1 && replicas > current) || (careful > 1 && replicas < current)
  return isAgainst ? stay : { replicas, usage }
}

/** Of one value for the whole target. Source: GetObjectMetricReplicas, GetExternalMetricReplicas. */
export function valueProposal(
  asked: Pick<Asked, 'pods' | 'current' | 'tolerances'>,
  value: number,
  target: number,
): Proposal {
  const { pods, current, tolerances } = asked
  const ratio = value / target
  const usage = { ratio, average: value }
  // From zero there is no pod to count, nor anything to be gentle with.
  if (current === 0) return { replicas: replicasFor(ratio), usage }
  if (isWithin(tolerances, ratio)) return { replicas: current, usage }
  if (!pods.length)
    throw new UncomputableError(
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    )
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length
  return { replicas: replicasFor(ratio * ready), usage }
}

/** Of a value that the pods share. Source: GetObjectPerPodMetricReplicas, GetExternalPerPodMetricReplicas. */
export function sharedProposal(
  statusReplicas: number,
  tolerances: Tolerances,
  value: number,
  target: number,
): Proposal {
  const ratio = value / (target * statusReplicas)
  const replicas = isWithin(tolerances, ratio) ? statusReplicas : replicasFor(value / target)
  return { replicas, usage: { ratio, average: Math.ceil(value / Math.max(1, statusReplicas)) } }
}
