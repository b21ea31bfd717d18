import { daemonSets, pods } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, objectKey, patch, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { claim } from '../framework/claim.ts'
import { forget, historyOf, type History, type RevisionView } from '../framework/history.ts'
import { equal } from '../framework/support/equality.ts'
import { createPod, deletePod } from '../framework/support/pod-template.ts'
import { nextAvailability, type PodView } from '../framework/support/pods.ts'
import { manage, type Changes } from './manage.ts'
import type { NodeView, SetView } from './nodes.ts'
import { placementOf, type Placement } from './placement.ts'
import { hashLabel, templateFor } from './pod.ts'
import { roll } from './rolling.ts'
import { statusOf } from './status.ts'

export interface Observed {
  readonly set: SetView
  readonly nodes: readonly NodeView[]
  /** Pods that the set controls and those of its namespace that nobody does. */
  readonly candidates: readonly PodView[]
  /** Revisions that the set controls and those of its namespace that nobody does. */
  readonly revisions: readonly RevisionView[]
  /** Milliseconds until a failed pod on the node may be replaced. */
  readonly backoff: (node: string) => number
  /** False while creations or deletions are in flight: the counts cannot be trusted. */
  readonly settled: boolean
}

export interface DaemonDecision extends Decision {
  /** Nodes whose failed pod is replaced by this decision. */
  readonly failed?: readonly string[]
}

/** The most pods created, and the most deleted, in one go (upstream's BurstReplicas). */
const burst = 250

/** Milliseconds of rest per node after a look that only counted. */
const restPerNode = 0.05

export function reconcile(observed: Observed, now: number): DaemonDecision {
  const { set, nodes, candidates, backoff, settled } = observed
  if (selectsEverything(set)) return refuse(set)
  // Its revisions may be gone before its pods are, and nothing could be told of those.
  if (set.metadata?.deletionTimestamp) return nothing
  const owner = { type: daemonSets, object: set, selector: selectorOf(set.spec?.selector) }
  const history = historyOf({ ...owner, hashLabel }, observed.revisions)
  if (history.change) return { steps: [...history.claims, history.change] }
  const claimed = claim(owner, pods, candidates)
  const merging = merged(history, claimed.owned)
  if (merging.length) return { steps: [...history.claims, ...claimed.steps, ...merging] }
  const placement = placementOf(set, hashOf(history.current), nodes, claimed.owned)

  const managed = settled ? manage(placement, backoff, now) : undefined
  const isTidy = managed && !managed.create.length && !managed.remove.length
  const changes = isTidy && set.spec?.updateStrategy?.type === 'RollingUpdate' ? roll(placement, now) : managed
  const writes = changes ? writesFor(placement, changes) : []
  const { requeueAfter } = nextAvailability(claimed.owned, set.spec?.minReadySeconds ?? 0, now)
  const waits = [...(managed?.waits ?? []), ...(requeueAfter === undefined ? [] : [requeueAfter])]
  return {
    steps: [
      ...history.claims,
      ...claimed.steps,
      ...(managed?.events ?? []),
      ...writes,
      ...(managed ? truncation(set, history, claimed.owned) : []),
    ],
    conclude() {
      const status = statusOf(placement, settled, now)
      return equal(status, set.status) ? [] : [updateStatus(daemonSets, { ...set, status })]
    },
    ...(waits.length ? { requeueAfter: Math.min(...waits) } : {}),
    ...(writes.length ? {} : { rest: Math.trunc(nodes.length * restPerNode) }),
    failed: managed?.failed ?? [],
  }
}

/** Deletions first: they do not wait for a quota that creations may run into. */
function writesFor({ set, hash }: Placement, { create, remove }: Changes): readonly Step[] {
  const template = templateFor(set, hash)
  const deletions = remove.slice(0, burst).map((pod) => deletePod(daemonSets, set, pod))
  const creations = create.slice(0, burst).map((node) => createPod(daemonSets, set, template(node)))
  return [
    ...(deletions.length ? [{ verb: 'batch' as const, pace: 'parallel' as const, actions: deletions }] : []),
    ...(creations.length ? [{ verb: 'batch' as const, pace: 'slow-start' as const, actions: creations }] : []),
  ]
}

const hashOf = ({ metadata }: RevisionView): string => metadata?.labels?.[hashLabel] ?? metadata?.name ?? ''

/**
 * Of several revisions of the current template one is kept, and takes over the pods of the others. Those go only when no
 * pod is seen with their hash any more: it would be taken for one of an old template.
 */
function merged({ current, duplicates }: History, owned: readonly PodView[]): readonly Step[] {
  const hashes = new Set(duplicates.map(hashOf))
  const labels = { [hashLabel]: hashOf(current) }
  const moved = owned.filter(({ metadata }) => hashes.has(metadata?.labels?.[hashLabel] ?? ''))
  if (moved.length) return moved.map((pod) => patch(pods, objectKey(pod), 'merge', { metadata: { labels } }))
  return forget(
    duplicates,
    () => false,
    (dead) => dead,
  )
}

/** Beside the current revision as many stay as the set says, and those that pods are of. */
function truncation(set: SetView, { others }: History, owned: readonly PodView[]): readonly Step[] {
  const live = new Set(owned.map(({ metadata }) => metadata?.labels?.[hashLabel] ?? ''))
  const surplus = others.length - (set.spec?.revisionHistoryLimit ?? 10)
  return forget(
    others,
    (revision) => live.has(hashOf(revision)),
    () => surplus,
  )
}

const selectsEverything = ({ spec }: SetView): boolean =>
  !Object.keys(spec?.selector.matchLabels ?? {}).length && !spec?.selector.matchExpressions?.length

function refuse(set: SetView): Decision {
  const message = 'This daemon set is selecting all pods. A non-empty selector is required.'
  return { steps: [event(referenceTo(daemonSets, set), 'Warning', 'SelectingAll', message)] }
}
