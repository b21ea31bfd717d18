import type { NamespaceCondition } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { timestamp } from '../../base/clock.ts'
import { findCondition } from '../framework/support/conditions.ts'

/** What became of one attempt to empty a namespace. */
export interface Outcome {
  readonly discovery: readonly { groupVersion: string; message: string }[]
  /** Messages of failed lists and deletions. */
  readonly failures: readonly string[]
  /** Objects left per `plural.group`. */
  readonly remaining: ReadonlyMap<string, number>
  /** Objects left per finalizer. */
  readonly finalizers: ReadonlyMap<string, number>
}

type ConditionView = Frozen<NamespaceCondition>

/** Source: pkg/controller/namespace/deletion/status_condition_utils.go; texts are read by people and tools. */
const fine: readonly (readonly [type: string, reason: string, message: string])[] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  [
    'NamespaceDeletionContentFailure',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
]

/** The conditions of a namespace that is being deleted. Those that stay as they were keep their time. */
export function conditionsOf(
  before: readonly ConditionView[] | undefined,
  outcome: Outcome,
  now: number,
): ConditionView[] {
  const wrong = problems(outcome)
  const known = new Set(fine.map(([type]) => type))
  const others = (before ?? []).filter(({ type }) => !known.has(type))
  const ours = fine.map(([type, reason, message]): ConditionView => {
    const problem = wrong.get(type)
    const next = problem ? { type, status: 'True', ...problem } : { type, status: 'False', reason, message }
    const old = findCondition(before, type)
    const same = old?.status === next.status && old.reason === next.reason && old.message === next.message
    return same ? old : { ...next, lastTransitionTime: timestamp(now) }
  })
  return [...others, ...ours]
}

function problems({ discovery, failures, remaining, finalizers }: Outcome) {
  const wrong = new Map<string, { reason: string; message: string }>()
  if (discovery.length) {
    const details = discovery.map(({ groupVersion, message }) => `${groupVersion}: ${message}`).sort()
    const message = `Discovery failed for some groups, ${details.length} failing: unable to retrieve the complete list of server APIs: ${details.join(', ')}`
    wrong.set('NamespaceDeletionDiscoveryFailure', { reason: 'DiscoveryFailed', message })
  }
  if (failures.length) {
    const message = `Failed to delete all resource types, ${failures.length} remaining: ${[...failures].sort().join(', ')}`
    wrong.set('NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message })
  }
  if (remaining.size) {
    const details = [...remaining].map(([resource, count]) => `${resource} has ${count} resource instances`)
    const message = `Some resources are remaining: ${details.sort().join(', ')}`
    wrong.set('NamespaceContentRemaining', { reason: 'SomeResourcesRemain', message })
  }
  if (finalizers.size) {
    const details = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`)
    const message = `Some content in the namespace has finalizers remaining: ${details.sort().join(', ')}`
    wrong.set('NamespaceFinalizersRemaining', { reason: 'SomeFinalizersRemain', message })
  }
  return wrong
}
