import type { ReplicaSet } from 'kubernetes-types/apps/v1'
import { deployments, replicaSets } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, remove, update, type Step } from '../framework/action.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import { equal } from '../framework/support/equality.ts'
import { templateHash } from '../framework/support/template-hash.ts'
import { annotationsOf, newSetAnnotations, revisionOf, withSizes } from './annotations.ts'
import { byCreation, replicasOf, revisionHistoryLimit, sum, type DeploymentView, type SetView } from './limits.ts'
import { hashLabel, sameTemplate } from './template.ts'

/** A replica set as it will be once the decision has been carried out. */
export interface Draft {
  set: SetView
  /** As it is now; undefined for one that is to be created. */
  readonly before: SetView | undefined
}

/**
 * The replica sets of a deployment under the hands of one reconciliation. Changes are made to drafts, so that each set
 * is written once however many rules touched it, and status is computed from what the sets are about to be.
 */
export class Rollout {
  readonly deployment: DeploymentView
  /** Oldest first. */
  readonly old: readonly Draft[]
  /** The set of the current template. */
  current: Draft | undefined
  readonly #removed: SetView[] = []

  constructor(deployment: DeploymentView, sets: readonly SetView[]) {
    this.deployment = deployment
    const drafts = [...sets].sort(byCreation).map((set): Draft => ({ set, before: set }))
    // More than one may match after a hash collision or by hand: the oldest is deterministic.
    this.current = drafts.find(({ set }) => sameTemplate(set.spec?.template ?? {}, deployment.spec!.template))
    this.old = drafts.filter((draft) => draft !== this.current)
  }

  get all(): readonly Draft[] {
    return this.current ? [...this.old, this.current] : this.old
  }

  get active(): readonly Draft[] {
    return this.all.filter(({ set }) => replicasOf(set) > 0)
  }

  get activeOld(): readonly Draft[] {
    return this.old.filter(({ set }) => replicasOf(set) > 0)
  }

  /** Pods asked for by all sets. */
  get size(): number {
    return sum(this.all, ({ set }) => replicasOf(set))
  }

  get revision(): bigint {
    return this.old.map(({ set }) => revisionOf(set)).reduce((most, each) => (each > most ? each : most), 0n) + 1n
  }

  /** Gives the current set, if it exists, the deployment's annotations, revision and minReadySeconds. */
  syncCurrent(): void {
    if (!this.current) return
    const { set } = this.current
    const annotations = newSetAnnotations(this.deployment, annotationsOf(set), this.revision)
    const minReadySeconds = this.deployment.spec?.minReadySeconds ?? 0
    const ready = (set.spec?.minReadySeconds ?? 0) === minReadySeconds ? {} : { minReadySeconds }
    this.current.set = withAnnotations({ ...set, spec: { ...set.spec!, ...ready } }, annotations)
  }

  /** Drafts the set of the current template, empty. */
  draftCurrent(): Draft {
    const { deployment } = this
    const { name = '', namespace } = deployment.metadata ?? {}
    const { template, selector, minReadySeconds } = deployment.spec!
    const hash = templateHash(template, deployment.status?.collisionCount)
    const labels = { ...template.metadata?.labels, [hashLabel]: hash }
    const set: SetView = {
      metadata: {
        name: `${name.slice(0, 253 - 1 - hash.length)}-${hash}`,
        ...(namespace ? { namespace } : {}),
        labels,
        annotations: withSizes(newSetAnnotations(deployment, {}, this.revision), deployment),
        ownerReferences: [controllerReference(deployments, deployment)],
      },
      spec: {
        replicas: 0,
        ...(minReadySeconds ? { minReadySeconds } : {}),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }
    return (this.current = { set, before: undefined })
  }

  /** Returns whether the size changed. The sizes that the deployment asked for are noted even where it did not. */
  scale(draft: Draft, to: number): boolean {
    const changed = replicasOf(draft.set) !== to
    const sized = { ...draft.set, spec: { ...draft.set.spec!, replicas: to } }
    draft.set = withAnnotations(sized, withSizes(annotationsOf(draft.set), this.deployment))
    return changed
  }

  /** Removes the oldest revisions beyond the limit, never one that still has pods or that its controller has not seen. */
  cleanUp(): void {
    const limit = revisionHistoryLimit(this.deployment)
    if (limit === undefined) return
    const candidates = this.old.map(({ set }) => set).filter(({ metadata }) => !metadata?.deletionTimestamp)
    candidates.sort((a, b) => Number(revisionOf(a) - revisionOf(b)) || byCreation(a, b))
    for (const set of candidates.slice(0, Math.max(0, candidates.length - limit))) {
      const unseen = (set.metadata?.generation ?? 0) > (set.status?.observedGeneration ?? 0)
      if (replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && !unseen) this.#removed.push(set)
    }
  }

  /** The writes that make the existing sets what they were drafted as. Creating is the caller's affair. */
  updates(): Step[] {
    const steps: Step[] = []
    for (const { set, before } of this.all) {
      if (!before || equal(set, before)) continue
      const scaled = this.scaledEvent(set, replicasOf(before))
      steps.push(update(replicaSets, set, scaled ? { onSuccess: () => scaled } : {}))
    }
    for (const set of this.#removed) steps.push(remove(replicaSets, set, { tolerate: (error) => error.code === 404 }))
    return steps
  }

  scaledEvent(set: SetView, from: number) {
    const to = replicasOf(set)
    if (to === from) return undefined
    const about = referenceTo(deployments, this.deployment)
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata?.name} from ${from} to ${to}`
    return event(about, 'Normal', 'ScalingReplicaSet', message)
  }
}

const withAnnotations = (set: SetView, annotations: Readonly<Record<string, string>>): SetView => ({
  ...set,
  metadata: { ...set.metadata, annotations },
})

/** Pods that a set has, as its controller last said. */
export const actual = ({ set }: Draft, count: keyof NonNullable<ReplicaSet['status']> & `${string}eplicas`): number =>
  set.status?.[count] ?? 0
