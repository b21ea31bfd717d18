import { deployments, replicaSets } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import { isAlreadyExists, type StatusError } from '#shared/kube/status.ts'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import type { ReplicaSet } from 'kubernetes-types/apps/v1'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, objectKey, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { claim } from '../framework/claim.ts'
import { findCondition, withCondition } from '../framework/support/conditions.ts'
import { equal } from '../framework/support/equality.ts'
import { isControlledBy } from '../framework/support/owner-references.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'
import { annotationsOf, revisionKey } from './annotations.ts'
import { isRolling, progressDeadline, replicasOf, type DeploymentView, type SetView } from './limits.ts'
import { newSize, roll } from './rolling.ts'
import { actual, Rollout, type Draft } from './rollout.ts'
import { isScaling, scale } from './scaling.ts'
import {
  condition,
  countStatus,
  deadlineIn,
  isComplete,
  rolloutStatus,
  withPause,
  type ConditionView,
  type Status,
} from './status.ts'
import { sameTemplate } from './template.ts'

export interface Observed {
  readonly deployment: DeploymentView
  /** Replica sets that the deployment controls and those of its namespace that nobody does. */
  readonly candidates: readonly SetView[]
  /** Pods of a replica set; asked for by Recreate only. */
  readonly podsOf: (set: SetView) => readonly PodView[]
}

export function reconcile({ deployment, candidates, podsOf }: Observed, now: number): Decision {
  if (selectsEverything(deployment)) return refuse(deployment)
  const owner = { type: deployments, object: deployment, selector: selectorOf(deployment.spec?.selector) }
  const { owned, steps } = claim(owner, replicaSets, candidates)
  const rollout = new Rollout(deployment, owned)
  rollout.syncCurrent()
  let known = withPause(deployment, now)

  if (deployment.metadata?.deletionTimestamp) return conclude(rollout, steps, countStatus(rollout, known, now), now)
  if (deployment.spec?.paused || isScaling(rollout)) {
    scale(rollout)
    if (deployment.spec?.paused) rollout.cleanUp()
    return conclude(rollout, steps, countStatus(rollout, withFound(rollout, known, now), now), now)
  }

  known = withFound(rollout, known, now)
  const created = isRolling(deployment) ? rollingUpdate(rollout) : recreate(rollout, podsOf)
  if (created) known = withCreated(rollout, created, known, now)
  const status = rolloutStatus(rollout, known, now)
  if (isComplete(deployment, deployment.status ?? {})) rollout.cleanUp()
  const creation = created ? [creating(rollout, created, known, now)] : []
  return conclude(rollout, [...steps, ...creation], status, now)
}

/** Returns the set to create, if there is one. */
function rollingUpdate(rollout: Rollout): Draft | undefined {
  if (rollout.current) {
    roll(rollout, rollout.current)
    return undefined
  }
  const draft = rollout.draftCurrent()
  rollout.scale(draft, newSize(rollout, draft))
  return draft
}

/** All old pods are gone before the first new one comes. */
function recreate(rollout: Rollout, podsOf: Observed['podsOf']): Draft | undefined {
  const wanted = replicasOf(rollout.deployment)
  const running = rollout.activeOld
  for (const draft of running) rollout.scale(draft, 0)
  if (running.length || rollout.old.some((draft) => hasPods(draft, podsOf))) return undefined
  const created = rollout.current ? undefined : rollout.draftCurrent()
  const current = rollout.current!
  if (replicasOf(current.set) !== wanted) rollout.scale(current, wanted)
  return created
}

const hasPods = (draft: Draft, podsOf: Observed['podsOf']): boolean =>
  actual(draft, 'replicas') > 0 || podsOf(draft.set).some((pod) => !isPodTerminal(pod))

function conclude(rollout: Rollout, steps: readonly Step[], status: Status, now: number): Decision {
  const { deployment } = rollout
  const revision = rollout.current ? annotationsOf(rollout.current.set)[revisionKey] : undefined
  const annotations = { ...annotationsOf(deployment), ...(revision ? { [revisionKey]: revision } : {}) }
  const moved = !equal(annotations, annotationsOf(deployment))
  // The revision travels with the status: through the main resource it would count as a change of the spec.
  const next = moved ? { ...deployment, metadata: { ...deployment.metadata, annotations } } : deployment
  const requeueAfter = deadlineIn(deployment, status, now)
  return {
    steps: [...steps, ...rollout.updates()],
    conclude: (failure) =>
      failure || (!moved && equal(status, deployment.status)) ? [] : [updateStatus(deployments, { ...next, status })],
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  }
}

/** Somebody else's set, or one from before deadlines existed, starts the clock when it is first seen. */
function withFound(rollout: Rollout, known: readonly ConditionView[], now: number): readonly ConditionView[] {
  const { deployment, current } = rollout
  if (!current || progressDeadline(deployment) === undefined || findCondition(known, 'Progressing')) return known
  const message = `Found new replica set "${current.set.metadata?.name}"`
  return withCondition(known, condition('Progressing', 'True', 'FoundNewReplicaSet', message, now))
}

function withCreated(
  { deployment }: Rollout,
  { set }: Draft,
  known: readonly ConditionView[],
  now: number,
): readonly ConditionView[] {
  if (progressDeadline(deployment) === undefined) return known
  const message = `Created new replica set "${set.metadata?.name}"`
  return withCondition(known, condition('Progressing', 'True', 'NewReplicaSetCreated', message, now))
}

function creating(rollout: Rollout, { set }: Draft, known: readonly ConditionView[], now: number): Step {
  return create(replicaSets, set, {
    onSuccess: () => rollout.scaledEvent(set, 0),
    recover: (error) =>
      isAlreadyExists(error) ? settleCollision(rollout, set, error) : reportFailure(rollout, set, known, error, now),
  })
}

/** A set of that name is there: either the cache was late and it is ours, or two templates have one hash. */
function settleCollision({ deployment }: Rollout, set: SetView, error: StatusError): Step[] {
  const isOurs = (found: KubeObject | undefined) =>
    found !== undefined &&
    isControlledBy(found, deployment as KubeObject) &&
    sameTemplate((found as Frozen<ReplicaSet>).spec?.template ?? {}, deployment.spec!.template)
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 }
  return [
    {
      verb: 'read',
      type: replicaSets,
      key: objectKey(set),
      then: (found) =>
        isOurs(found) ? [] : [updateStatus(deployments, { ...deployment, status }), { verb: 'fail', error }],
    },
  ]
}

function reportFailure(
  { deployment }: Rollout,
  set: SetView,
  known: readonly ConditionView[],
  error: StatusError,
  now: number,
): Step[] {
  const fail: Step = { verb: 'fail', error }
  const terminating = (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  if (terminating) return [fail]
  const message = `Failed to create new replica set "${set.metadata?.name}": ${error.message}`
  const about = referenceTo(deployments, deployment)
  const said = event(about, 'Warning', 'ReplicaSetCreateError', message)
  if (progressDeadline(deployment) === undefined) return [said, fail]
  const conditions = withCondition(known, condition('Progressing', 'False', 'ReplicaSetCreateError', message, now))
  const status = { ...deployment.status, conditions }
  return [
    ...(equal(status, deployment.status) ? [] : [updateStatus(deployments, { ...deployment, status })]),
    said,
    fail,
  ]
}

const selectsEverything = ({ spec }: DeploymentView): boolean =>
  !Object.keys(spec?.selector.matchLabels ?? {}).length && !spec?.selector.matchExpressions?.length

function refuse(deployment: DeploymentView): Decision {
  const message = 'This deployment is selecting all pods. A non-empty selector is required.'
  const generation = deployment.metadata?.generation ?? 0
  const unseen = (deployment.status?.observedGeneration ?? 0) < generation
  const status = { ...deployment.status, observedGeneration: generation }
  return {
    steps: [
      event(referenceTo(deployments, deployment), 'Warning', 'SelectingAll', message),
      ...(unseen ? [updateStatus(deployments, { ...deployment, status })] : []),
    ],
  }
}
