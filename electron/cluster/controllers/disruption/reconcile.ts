import type { PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1'
import type { Condition } from 'kubernetes-types/meta/v1'
import { scaledIntOrPercent } from '#shared/kube/int-or-string.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { podDisruptionBudgets, pods as podType } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, updateStatus, type Decision, type EventAction, type Step } from '../framework/action.ts'
import { withStatusCondition } from '../framework/support/conditions.ts'
import { equal } from '../framework/support/equality.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'
import type { BudgetView } from './budgets.ts'
import { describeSelector } from './describe-selector.ts'
import type { Scale } from './scale.ts'

type Status = Frozen<PodDisruptionBudgetStatus>

export interface Observed {
  readonly budget: BudgetView
  readonly pods: readonly PodView[]
  /** What the controllers of the pods want, or why that cannot be told; undefined when nobody needs to know. */
  readonly scale: Scale | Error | undefined
}

/** A pod whose eviction was granted is expected to be on its way out within so many milliseconds. */
const deletionTimeout = 120_000

/** Whether the number that must stay depends on how many there should be. */
export const isRelative = ({ spec }: BudgetView): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string'

export function reconcile({ budget, pods, scale }: Observed, now: number): Decision {
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    event(referenceTo(podDisruptionBudgets, budget), type, reason, message)
  const events: EventAction[] = pods.length ? [] : [tell('Normal', 'NoPods', 'No matching pods found')]
  const wanted = scale instanceof Error ? scale : requirement(budget, pods, scale)
  if (wanted instanceof Error) {
    const text = `Failed to calculate the number of expected pods: ${wanted.message}`
    return {
      steps: [
        ...events,
        tell('Warning', 'CalculateExpectedPodCountFailed', text),
        ...save(budget, failSafe(budget, wanted, now)),
      ],
    }
  }
  if (scale && !(scale instanceof Error) && scale.unmanaged.length)
    events.push(tell('Warning', 'UnmanagedPods', unmanagedText(budget)))
  const announced = disrupted(budget, pods, now)
  const healthy = pods.filter(
    (pod) => !pod.metadata?.deletionTimestamp && !announced.pods.has(nameOf(pod)) && isPodReady(pod),
  ).length
  const status = statusOf(budget, { ...wanted, healthy }, Object.fromEntries(announced.pods), now)
  return {
    steps: [...events, ...announced.events, ...save(budget, status)],
    ...(announced.recheck === undefined ? {} : { requeueAfter: announced.recheck }),
  }
}

const nameOf = ({ metadata }: PodView): string => metadata?.name ?? ''

const save = (budget: BudgetView, status: Status): Step[] =>
  equal(status, budget.status) ? [] : [updateStatus(podDisruptionBudgets, { ...budget, status })]

/** How many pods are expected, and how many of them must stay healthy. Percentages are rounded up. */
function requirement(
  { spec }: BudgetView,
  pods: readonly PodView[],
  scale: Scale | undefined,
): { expected: number; desired: number } | Error {
  const { maxUnavailable, minAvailable } = (spec ?? {}) as {
    maxUnavailable?: number | string
    minAvailable?: number | string
  }
  const expected = scale?.total ?? 0
  try {
    if (maxUnavailable !== undefined)
      return { expected, desired: Math.max(0, expected - scaledIntOrPercent(maxUnavailable, expected, true)) }
    if (typeof minAvailable === 'string') return { expected, desired: scaledIntOrPercent(minAvailable, expected, true) }
    return minAvailable === undefined ? { expected: 0, desired: 0 } : { expected: pods.length, desired: minAvailable }
  } catch (error) {
    return error as Error
  }
}

/** Evictions that were granted and not yet seen: those that never came are dropped, and told of. */
function disrupted(
  { metadata, status }: BudgetView,
  pods: readonly PodView[],
  now: number,
): { pods: ReadonlyMap<string, string>; recheck: number | undefined; events: EventAction[] } {
  const announced = (status?.disruptedPods ?? {}) as Readonly<Record<string, string>>
  const kept = new Map<string, string>()
  const events: EventAction[] = []
  let recheck: number | undefined
  for (const pod of pods) {
    const at = announced[nameOf(pod)]
    if (at === undefined || pod.metadata?.deletionTimestamp) continue
    const left = Date.parse(at) + deletionTimeout - now
    if (left > 0) {
      kept.set(nameOf(pod), at)
      recheck = Math.min(recheck ?? Infinity, left)
    } else {
      const text = `Pod was expected by PDB ${metadata?.namespace}/${metadata?.namespace} to be deleted but it wasn't`
      events.push(event(referenceTo(podType, pod), 'Warning', 'NotDeleted', text))
    }
  }
  return { pods: kept, recheck, events }
}

function statusOf(
  { metadata, status }: BudgetView,
  { expected, desired, healthy }: { expected: number; desired: number; healthy: number },
  disruptedPods: Readonly<Record<string, string>>,
  now: number,
): Status {
  const observedGeneration = metadata?.generation ?? 0
  // A budget without pods allows nothing: the first ones may come before it is looked at again.
  const disruptionsAllowed = expected > 0 ? Math.max(0, healthy - desired) : 0
  const condition = disruptionsAllowed
    ? allowed('True', 'SufficientPods', '', observedGeneration, now)
    : allowed('False', 'InsufficientPods', '', observedGeneration, now)
  return {
    conditions: withStatusCondition<Frozen<Condition>>(status?.conditions, condition),
    currentHealthy: healthy,
    desiredHealthy: desired,
    ...(Object.keys(disruptedPods).length ? { disruptedPods } : {}),
    disruptionsAllowed,
    expectedPods: expected,
    ...(observedGeneration ? { observedGeneration } : {}),
  }
}

/** What cannot be reckoned allows nothing. */
function failSafe({ status }: BudgetView, { message }: Error, now: number): Status {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status ?? {}
  const condition = allowed('False', 'SyncFailed', message, status?.observedGeneration, now)
  return {
    ...status,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: withStatusCondition<Frozen<Condition>>(status?.conditions, condition),
    disruptionsAllowed: 0,
  }
}

const allowed = (
  status: 'True' | 'False',
  reason: string,
  message: string,
  observedGeneration: number | undefined,
  now: number,
): Frozen<Condition> => ({
  type: 'DisruptionAllowed',
  status,
  reason,
  message,
  ...(observedGeneration ? { observedGeneration } : {}),
  lastTransitionTime: timestamp(now),
})

const unmanagedText = ({ spec }: BudgetView): string =>
  `Pods selected by this PodDisruptionBudget (selector: ${describeSelector(spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`
