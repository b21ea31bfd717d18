import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { JobView, Spec } from './types.ts'

type Rule = NonNullable<Spec['podFailurePolicy']>['rules'][number]
type ExitCodes = NonNullable<Rule['onExitCodes']>

export interface Judgement {
  readonly action: 'Ignore' | 'FailIndex' | 'Count' | 'FailJob' | undefined
  /** Whether the failure counts towards the limits. */
  readonly counted: boolean
  /** Why the whole job fails of it. */
  readonly failsJob?: string
}

const unmatched: Judgement = { action: undefined, counted: true }

/** What the job's policy says of a pod that failed: the first rule that matches. */
export function judge(job: JobView, pod: PodView): Judgement {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const cause = rule.onExitCodes
      ? exitCodeCause(pod, rule.onExitCodes, rule, index)
      : conditionCause(pod, rule.onPodConditions ?? [], rule, index)
    if (cause === undefined) continue
    if (rule.action === 'Ignore') return { action: 'Ignore', counted: false }
    if (rule.action === 'FailIndex' || rule.action === 'Count') return { action: rule.action, counted: true }
    if (rule.action === 'FailJob') return { action: 'FailJob', counted: true, failsJob: cause }
  }
  return unmatched
}

const nameOf = ({ metadata }: PodView): string => `${metadata?.namespace}/${metadata?.name}`

function exitCodeCause(pod: PodView, codes: ExitCodes, { action }: Rule, index: number): string | undefined {
  const status = failing(pod.status?.containerStatuses, codes) ?? failing(pod.status?.initContainerStatuses, codes)
  if (!status) return undefined
  const code = status.state?.terminated?.exitCode
  return `Container ${status.name} for pod ${nameOf(pod)} failed with exit code ${code} matching ${action} rule at index ${index}`
}

/** The first container that ended with a code that the rule asks for; one that still runs has none. */
function failing(
  statuses: Frozen<NonNullable<Pod['status']>['containerStatuses']>,
  { containerName, operator, values }: ExitCodes,
): Frozen<ContainerStatus> | undefined {
  return statuses?.find(({ name, state }) => {
    const code = state?.terminated?.exitCode
    if (!code || (containerName !== undefined && containerName !== name)) return false
    return operator === 'In' ? values.includes(code) : operator === 'NotIn' && !values.includes(code)
  })
}

function conditionCause(
  pod: PodView,
  patterns: readonly { readonly type: string; readonly status: string }[],
  { action }: Rule,
  index: number,
): string | undefined {
  const found = pod.status?.conditions?.find((condition) =>
    patterns.some(({ type, status }) => condition.type === type && condition.status === status),
  )
  return found && `Pod ${nameOf(pod)} has condition ${found.type} matching ${action} rule at index ${index}`
}
