import { formatQuantity, milliValueOf, parseQuantity, quantityOf } from '#shared/kube/quantity.ts'
import type { PodView } from '../framework/support/pods.ts'
import { averageProposal, sharedProposal, utilizationProposal, valueProposal, type Proposal } from './calculator.ts'
import { goSelector } from './go-selector.ts'
import type { Samples } from './pods.ts'
import type { Reading } from './reading.ts'
import type { Tolerances } from './tolerances.ts'
import type { MetricIdentifier, MetricSpec, MetricStatus } from './types.ts'
import { UncomputableError } from './uncomputable.ts'

/** What all metrics of an autoscaler are computed from. */
export interface Situation {
  readonly namespace: string
  readonly pods: readonly PodView[]
  /** spec.replicas and status.replicas of the scale. */
  readonly current: number
  readonly statusReplicas: number
  readonly tolerances: Tolerances
  readonly now: number
}

export interface Computed {
  readonly replicas: number
  /** What the metric is called in conditions and reasons. */
  readonly name: string
  readonly status: MetricStatus
}

export interface Uncomputed {
  readonly reason: string
  /** Why, for the condition and the event. */
  readonly cause: string
  /** The same with what was tried around it, for what is said of all metrics. */
  readonly error: string
}

/** Source: computeReplicasForMetric and the computeStatusFor… functions. */
export function compute(metric: MetricSpec, reading: Reading, situation: Situation): Computed | Uncomputed {
  switch (metric.type) {
    case 'Resource':
      return resource(metric.resource!, undefined, reading, situation)
    case 'ContainerResource':
      return resource(metric.containerResource!, metric.containerResource!.container, reading, situation)
    case 'Pods':
      return pods(metric.pods!, reading, situation)
    case 'Object':
      return object(metric.object!, reading, situation)
    case 'External':
      return external(metric.external!, reading, situation)
    default: {
      const cause = `unknown metric source type ${JSON.stringify(metric.type)}`
      return { reason: 'InvalidMetricSourceType', cause, error: cause }
    }
  }
}

const quantity = (milli: number): string => formatQuantity(quantityOf(milli, 'DecimalSI', -3))

/** The proposal, or in upstream's words why there is none. */
function attempt(propose: () => Proposal): Proposal | string {
  try {
    return propose()
  } catch (error) {
    if (error instanceof UncomputableError) return error.message
    throw error
  }
}

function samplesOf(reading: Reading, told: (failure: string) => string): Samples {
  if ('failure' in reading) throw new UncomputableError(told(reading.failure))
  return 'samples' in reading ? reading.samples : new Map()
}

function valueIn(reading: Reading, told: (failure: string) => string): number {
  if ('failure' in reading) throw new UncomputableError(told(reading.failure))
  return 'value' in reading ? reading.value : 0
}

function resource(
  { name, target }: NonNullable<MetricSpec['resource']>,
  container: string | undefined,
  reading: Reading,
  situation: Situation,
): Computed | Uncomputed {
  const told = (failure: string) => `unable to get metrics for resource ${name}: ${failure}`
  const isAverage = target.averageValue !== undefined
  const found = attempt(() => {
    if (!isAverage && target.averageUtilization === undefined)
      throw new UncomputableError(
        'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
      )
    const asked = { ...situation, samples: samplesOf(reading, told), resource: name }
    return isAverage
      ? averageProposal(asked, milliOf(target.averageValue))
      : utilizationProposal(asked, target.averageUtilization!, container)
  })
  if (typeof found === 'string') {
    const isNamed = isAverage || target.averageUtilization !== undefined
    const cause = isNamed ? `failed to get ${name} ${isAverage ? 'usage' : 'utilization'}: ${found}` : found
    return container === undefined
      ? { reason: 'FailedGetResourceMetric', cause, error: `failed to get ${name} resource metric value: ${cause}` }
      : {
          reason: 'FailedGetContainerResourceMetric',
          cause,
          error: `failed to get ${container} container metric value: ${cause}`,
        }
  }
  const { utilization, average } = found.usage
  const current = {
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    averageValue: quantity(average),
  }
  const kind = container === undefined ? 'resource' : 'container resource'
  return {
    replicas: found.replicas,
    name: isAverage ? `${name} resource` : `${name} ${kind} utilization (percentage of request)`,
    status:
      container === undefined
        ? { type: 'Resource', resource: { name, current } }
        : { type: 'ContainerResource', containerResource: { name, container, current } },
  }
}

const milliOf = (text: string | undefined): number => milliValueOf(parseQuantity(text ?? '0'))

function pods(
  { metric, target }: NonNullable<MetricSpec['pods']>,
  reading: Reading,
  situation: Situation,
): Computed | Uncomputed {
  const told = (failure: string) => `unable to get metric ${metric.name}: ${failure}`
  const found = attempt(() =>
    averageProposal(
      { ...situation, samples: samplesOf(reading, told), resource: undefined },
      milliOf(target.averageValue),
    ),
  )
  if (typeof found === 'string')
    return { reason: 'FailedGetPodsMetric', cause: found, error: `failed to get pods metric value: ${found}` }
  return {
    replicas: found.replicas,
    name: `pods metric ${metric.name}`,
    status: { type: 'Pods', pods: { metric, current: { averageValue: quantity(found.usage.average) } } },
  }
}

function object(
  { metric, target, describedObject }: NonNullable<MetricSpec['object']>,
  reading: Reading,
  situation: Situation,
): Computed | Uncomputed {
  const { namespace, statusReplicas, tolerances } = situation
  // The order of the words is upstream's.
  const told = (failure: string) =>
    `unable to get metric ${metric.name}: ${describedObject.kind} on ${namespace} ${describedObject.name}/${failure}`
  const isValue = target.type === 'Value' && target.value !== undefined
  const isAverage = target.type === 'AverageValue' && target.averageValue !== undefined
  const found = attempt(() => {
    if (!isValue && !isAverage)
      throw new UncomputableError(
        'invalid object metric source: neither a value target nor an average value target was set',
      )
    const value = valueIn(reading, told)
    return isValue
      ? valueProposal(situation, value, milliOf(target.value))
      : sharedProposal(statusReplicas, tolerances, value, milliOf(target.averageValue))
  })
  if (typeof found === 'string') {
    const error = isAverage ? `failed to get ${metric.name} object metric: ${found}` : found
    return { reason: 'FailedGetObjectMetric', cause: found, error: `failed to get object metric value: ${error}` }
  }
  const usage = quantity(found.usage.average)
  return {
    replicas: found.replicas,
    name: isValue ? `${describedObject.kind} metric ${metric.name}` : `external metric ${shown(metric)}`,
    status: {
      type: 'Object',
      object: { describedObject, metric, current: isValue ? { value: usage } : { averageValue: usage } },
    },
  }
}

function external(
  { metric, target }: NonNullable<MetricSpec['external']>,
  reading: Reading,
  situation: Situation,
): Computed | Uncomputed {
  const { namespace, statusReplicas, tolerances } = situation
  const told = (failure: string) =>
    `unable to get external metric ${namespace}/${metric.name}/${goSelector(metric.selector)}: ${failure}`
  const isAverage = target.averageValue !== undefined
  const isValue = !isAverage && target.value !== undefined
  const found = attempt(() => {
    if (!isAverage && !isValue)
      throw new UncomputableError(
        'invalid external metric source: neither a value target nor an average value target was set',
      )
    const value = valueIn(reading, told)
    return isAverage
      ? sharedProposal(statusReplicas, tolerances, value, milliOf(target.averageValue))
      : valueProposal(situation, value, milliOf(target.value))
  })
  if (typeof found === 'string') {
    const tried = isAverage
      ? `failed to get ${metric.name} external metric: `
      : isValue
        ? `failed to get external metric ${metric.name}: `
        : ''
    const error = `failed to get ${metric.name} external metric value: ${tried}${found}`
    return { reason: 'FailedGetExternalMetric', cause: found, error }
  }
  const usage = quantity(found.usage.average)
  return {
    replicas: found.replicas,
    name: `external metric ${shown(metric)}`,
    status: { type: 'External', external: { metric, current: isAverage ? { averageValue: usage } : { value: usage } } },
  }
}

const shown = ({ name, selector }: MetricIdentifier): string => `${name}(${goSelector(selector)})`
