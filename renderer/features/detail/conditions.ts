import type { KubeObject } from '#shared/kube/object.ts'
import type { Tone } from '../../ui/tone.ts'

export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}

export function conditionsOf(object: KubeObject): Condition[] {
  const { conditions } = ((object as { status?: unknown }).status ?? {}) as { conditions?: unknown }
  return Array.isArray(conditions) ? (conditions as Condition[]) : []
}

/** Conditions that are good news when they do not hold. */
const bad =
  /Pressure$|Unavailable$|Failure$|Failed$|Failing$|Stalled$|Degraded$|^Dangling|Terminating$|^DisruptionTarget$|NotAccepted$/

export function conditionTone({ type, status }: Pick<Condition, 'type' | 'status'>): Tone {
  if (status === 'Unknown') return 'warn'
  return (status === 'True') === bad.test(type) ? (bad.test(type) ? 'bad' : 'warn') : 'ok'
}
