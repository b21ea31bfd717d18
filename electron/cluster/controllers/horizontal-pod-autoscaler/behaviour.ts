import type { History, ScaleEvent } from './history.ts'
import { limited, type Bounds, type Limited } from './limits.ts'
import type { ScalingRules } from './types.ts'

type Policy = NonNullable<ScalingRules['policies']>[number]

export interface Behaviour {
  readonly scaleUp?: ScalingRules
  readonly scaleDown?: ScalingRules
}

/** Source: convertDesiredReplicasWithBehaviorRate. */
export function limitByBehaviour(
  current: number,
  wanted: number,
  { least, most }: Bounds,
  behaviour: Behaviour,
  history: History,
  at: number,
): Limited {
  if (wanted > current) {
    const atOnce = Math.max(current, upLimit(current, behaviour.scaleUp, history, at))
    if (wanted > Math.min(most, atOnce))
      return most > atOnce ? limited(atOnce, 'ScaleUpLimit') : limited(most, 'TooManyReplicas')
  } else if (wanted < current) {
    const atOnce = Math.min(current, downLimit(current, behaviour.scaleDown, history, at))
    if (wanted < Math.max(least, atOnce))
      return least < atOnce ? limited(atOnce, 'ScaleDownLimit') : limited(least, 'TooFewReplicas')
  }
  return limited(wanted, 'DesiredWithinRange')
}

/** Percentages are rounded up: a policy that allows growth at all must let one replica become two. */
function upLimit(current: number, rules: ScalingRules | undefined, history: History, at: number): number {
  if (rules?.selectPolicy === 'Disabled') return current
  const limits = (rules?.policies ?? []).map((policy) => {
    const start = startOf(policy, current, history, at)
    return policy.type === 'Pods' ? start + policy.value : Math.ceil(start * (1 + policy.value / 100))
  })
  return rules?.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits)
}

function downLimit(current: number, rules: ScalingRules | undefined, history: History, at: number): number {
  if (rules?.selectPolicy === 'Disabled') return current
  const limits = (rules?.policies ?? []).map((policy) => {
    const start = startOf(policy, current, history, at)
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100))
  })
  // Of changes: the smallest leaves the most replicas.
  return rules?.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits)
}

/** How many replicas there were when the policy's period began. */
function startOf({ periodSeconds }: Policy, current: number, { ups, downs }: History, at: number): number {
  const since = at - periodSeconds * 1000
  const sum = (events: readonly ScaleEvent[]) =>
    events.reduce((total, event) => (event.at > since ? total + event.change : total), 0)
  return current - sum(ups) + sum(downs)
}

/** The history once the target was scaled; without behaviour nobody asks for it. Source: storeScaleEvent. */
export function withScaleEvent(
  history: History,
  behaviour: Behaviour | undefined,
  current: number,
  replicas: number,
  at: number,
): History {
  if (!behaviour || replicas === current) return history
  const event = { change: Math.abs(replicas - current), at }
  const kept = (events: readonly ScaleEvent[], rules: ScalingRules | undefined): readonly ScaleEvent[] => {
    const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds * 1000))
    return events.filter((each) => each.at >= at - longest)
  }
  return replicas > current
    ? { ...history, ups: [...kept(history.ups, behaviour.scaleUp), event] }
    : { ...history, downs: [...kept(history.downs, behaviour.scaleDown), event] }
}
