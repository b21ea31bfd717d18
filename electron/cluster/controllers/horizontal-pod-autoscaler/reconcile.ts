import { horizontalPodAutoscalers } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { EventType } from '../../client/event-correlator.ts'
import { event, update, updateStatus, type Decision, type EventAction, type Step } from '../framework/action.ts'
import { equal } from '../framework/support/equality.ts'
import { withScaleEvent } from './behaviour.ts'
import { conditionsOf, type Conditions } from './conditions.ts'
import { evaluate, summary } from './evaluation.ts'
import { begun, type History } from './history.ts'
import { normalise, stabilisedMessages } from './normalise.ts'
import type { Reading } from './reading.ts'
import type { Selection } from './selectors.ts'
import type { Target } from './target.ts'
import { tolerancesOf } from './tolerances.ts'
import type { Autoscaler, MetricStatus, Status } from './types.ts'

export interface Observed {
  readonly autoscaler: Autoscaler
  readonly target: Target | { readonly failure: string }
  /** Of the target's pods; undefined where `asksMetrics` says no. */
  readonly metrics: { readonly selection: Selection; readonly readings: readonly Reading[] } | undefined
  readonly history: History
  /** Of the monotonic clock, for the history. */
  readonly uptime: number
}

export interface Outcome {
  readonly decision: Decision
  readonly history: History
  /** The history when the decision could be carried out. */
  readonly afterwards: History
}

/** How many replicas there are and may be. */
export function sizesOf({ spec }: Autoscaler, { scale }: Target) {
  return { current: scale.spec?.replicas ?? 0, least: spec?.minReplicas ?? 1, most: spec?.maxReplicas ?? 0 }
}

/** A target out of bounds is brought back whatever the metrics say; one that somebody scaled to zero is left alone. */
export function asksMetrics(autoscaler: Autoscaler, target: Target): boolean {
  const { current, least, most } = sizesOf(autoscaler, target)
  return !isDisabled(current, least) && current <= most && current >= least
}

const isDisabled = (current: number, least: number): boolean => current === 0 && least !== 0

/** Source: podautoscaler/horizontal.go, reconcileAutoscaler. */
export function reconcile(observed: Observed, now: number): Outcome {
  const { autoscaler, target, uptime } = observed
  const conditions = conditionsOf(autoscaler.status?.conditions ?? [], now)
  if ('failure' in target) {
    const message = `the HPA controller was unable to get the target's current scale: ${target.failure}`
    const { list } = conditions.set('AbleToScale', false, 'FailedGetScale', message)
    const status: Status = { desiredReplicas: 0, ...autoscaler.status, conditions: list }
    const steps = [warning(autoscaler, 'FailedGetScale', target.failure), ...write(autoscaler, status)]
    return settled({ steps }, observed.history)
  }
  const { current } = sizesOf(autoscaler, target)
  const round: Round = {
    ...observed,
    target,
    now,
    history: begun(observed.history, current, uptime),
    conditions: conditions.set(
      'AbleToScale',
      true,
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    ),
  }
  return round.metrics ? byMetrics(round, round.metrics) : byBounds(round)
}

interface Round extends Observed {
  readonly target: Target
  readonly conditions: Conditions
  readonly now: number
}

const settled = (decision: Decision, history: History): Outcome => ({ decision, history, afterwards: history })

function byBounds(round: Round): Outcome {
  const { autoscaler, target, conditions } = round
  const { current, least, most } = sizesOf(autoscaler, target)
  if (isDisabled(current, least)) {
    const message = 'scaling is disabled since the replica count of the target is zero'
    return stay({ ...round, conditions: conditions.set('ScalingActive', false, 'ScalingDisabled', message) }, [], [])
  }
  return current > most
    ? rescale(round, most, 'Current number of replicas above Spec.MaxReplicas', [], [])
    : rescale(round, least, 'Current number of replicas below Spec.MinReplicas', [], [])
}

function byMetrics(round: Round, { selection, readings }: NonNullable<Observed['metrics']>): Outcome {
  const { autoscaler, target, conditions, now, uptime } = round
  const { current, ...bounds } = sizesOf(autoscaler, target)
  if ('event' in selection) {
    const { event: reason, message } = selection
    const failed = conditions.set('ScalingActive', false, selection.reason, selection.condition)
    return fail({ ...round, conditions: failed }, [warning(autoscaler, reason, message)], [], message)
  }
  const specs = autoscaler.spec?.metrics ?? []
  const { chosen, statuses, uncomputed } = evaluate(specs, readings, {
    namespace: autoscaler.metadata?.namespace ?? '',
    pods: selection.pods,
    current,
    statusReplicas: target.scale.status?.replicas ?? 0,
    tolerances: tolerancesOf(autoscaler),
    now,
  })
  const events = uncomputed.map(({ reason, cause }) => warning(autoscaler, reason, cause))
  if (!chosen) {
    const { reason = '', cause = '' } = uncomputed[0] ?? {}
    const message = `the HPA was unable to compute the replica count: ${cause}`
    const failed = conditions.set('ScalingActive', false, reason, message)
    return fail({ ...round, conditions: failed }, events, statuses, summary(uncomputed, specs.length))
  }
  const active = `the HPA was able to successfully calculate a replica count from ${chosen.name}`
  const { behavior } = autoscaler.spec ?? {}
  const { limited, isLimited, stabilised, history } = normalise(
    current,
    chosen.replicas,
    bounds,
    behavior,
    round.history,
    uptime,
  )
  const next: Round = {
    ...round,
    history,
    conditions: conditions
      .set('ScalingActive', true, 'ValidMetricFound', active)
      .set(
        'AbleToScale',
        true,
        stabilised ?? 'ReadyForNewScale',
        stabilised ? stabilisedMessages[stabilised] : 'recommended size matches current size',
      )
      .set('ScalingLimited', isLimited, limited.reason, limited.message),
  }
  if (limited.replicas === current) return stay(next, events, statuses)
  const reason =
    chosen.replicas > current
      ? `${chosen.name} above target`
      : chosen.replicas < current
        ? 'All metrics below target'
        : ''
  return rescale(next, limited.replicas, reason, events, statuses)
}

/** Nothing could be computed: the size stays, and so does what was last wanted. */
function fail(round: Round, events: readonly Step[], statuses: readonly MetricStatus[], error: string): Outcome {
  const { autoscaler, history } = round
  const written = write(autoscaler, statusOf(round, autoscaler.status?.desiredReplicas ?? 0, statuses))
  return settled(
    { steps: [...events, ...written, warning(autoscaler, 'FailedComputeMetricsReplicas', error)] },
    history,
  )
}

function stay(round: Round, events: readonly Step[], statuses: readonly MetricStatus[]): Outcome {
  const { current } = sizesOf(round.autoscaler, round.target)
  return settled({ steps: [...events, ...write(round.autoscaler, statusOf(round, current, statuses))] }, round.history)
}

function rescale(
  round: Round,
  replicas: number,
  reason: string,
  events: readonly Step[],
  statuses: readonly MetricStatus[],
): Outcome {
  const { autoscaler, target, history, conditions, uptime, now } = round
  const { current } = sizesOf(autoscaler, target)
  const scaled = update(
    target.type,
    { ...target.scale, spec: { ...target.scale.spec, replicas } },
    {
      subresource: 'scale',
      onSuccess: () => about(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`),
      onFailure: (error) =>
        warning(autoscaler, 'FailedRescale', `New size: ${replicas}; reason: ${reason}; error: ${error.message}`),
    },
  )
  const decision: Decision = {
    steps: [...events, scaled],
    conclude(failure) {
      const message = failure
        ? `the HPA controller was unable to update the target scale: ${failure.message}`
        : `the HPA controller was able to update the target scale to ${replicas}`
      const outcome = failure ? 'FailedUpdateScale' : 'SucceededRescale'
      const after = { ...round, conditions: conditions.set('AbleToScale', !failure, outcome, message) }
      return failure
        ? write(autoscaler, statusOf(after, autoscaler.status?.desiredReplicas ?? 0, statuses))
        : write(autoscaler, { ...statusOf(after, replicas, statuses), lastScaleTime: timestamp(now) })
    },
  }
  const afterwards = withScaleEvent(history, autoscaler.spec?.behavior, current, replicas, uptime)
  return { decision, history, afterwards }
}

/** Made anew but for the time of the last scaling, as upstream's setStatus does: v1.36 observes no generation. */
function statusOf(round: Round, desiredReplicas: number, currentMetrics: readonly MetricStatus[]): Status {
  const { lastScaleTime } = round.autoscaler.status ?? {}
  return {
    ...(lastScaleTime ? { lastScaleTime } : {}),
    currentReplicas: sizesOf(round.autoscaler, round.target).current,
    desiredReplicas,
    currentMetrics,
    conditions: round.conditions.list,
  }
}

function write(autoscaler: Autoscaler, status: Status): Step[] {
  if (equal(status, autoscaler.status)) return []
  return [
    updateStatus(
      horizontalPodAutoscalers,
      { ...autoscaler, status },
      {
        tolerate: (error) => error.code === 404,
        // The next look, in 15 seconds, writes it again.
        recover: (error) => [warning(autoscaler, 'FailedUpdateStatus', error.message)],
      },
    ),
  ]
}

const about = (autoscaler: Autoscaler, type: EventType, reason: string, message: string): EventAction =>
  event(referenceTo(horizontalPodAutoscalers, autoscaler), type, reason, message)

const warning = (autoscaler: Autoscaler, reason: string, message: string): EventAction =>
  about(autoscaler, 'Warning', reason, message)
