import type { Deployment } from 'kubernetes-types/apps/v1'
import type { Tone } from '../../ui/tone.ts'

export interface RolloutState {
  word: string
  tone: Tone
  desired: number
  updated: number
  available: number
  /** Pods in all, those of older revisions included. */
  total: number
  message: string | undefined
}

/** How a deployment's rollout stands, by the rules of `kubectl rollout status`. */
export function rolloutState({ metadata, spec, status = {} }: Deployment): RolloutState {
  const desired = spec?.replicas ?? 1
  const {
    updatedReplicas: updated = 0,
    availableReplicas: available = 0,
    replicas: total = 0,
    observedGeneration = 0,
  } = status
  const condition = (type: string) => status.conditions?.find((one) => one.type === type)
  const progressing = condition('Progressing')
  const failure = condition('ReplicaFailure')
  const numbers = { desired, updated, available, total }
  const as = (word: string, tone: Tone, message?: string): RolloutState => ({ word, tone, ...numbers, message })

  if (failure?.status === 'True') return as('Failing', 'bad', failure.message)
  if (progressing?.reason === 'ProgressDeadlineExceeded') return as('Stalled', 'bad', progressing.message)
  if (spec?.paused) return as('Paused', 'warn')
  if (observedGeneration < (metadata?.generation ?? 0) || updated < desired || total > updated)
    return as('Rolling out', 'busy')
  if (available < desired)
    return as('Waiting', condition('Available')?.status === 'False' ? 'warn' : 'busy', condition('Available')?.message)
  return desired === 0 ? as('Scaled to 0', 'off') : as('Available', 'ok')
}
