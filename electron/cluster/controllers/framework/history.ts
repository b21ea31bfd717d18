import type { ControllerRevision } from 'kubernetes-types/apps/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, type ResourceType } from '#shared/kube/resources.ts'
import type { Selector } from '#shared/kube/selectors.ts'
import { isAlreadyExists, type StatusError } from '#shared/kube/status.ts'
import { create, objectKey, remove, update, updateStatus, type DeleteAction, type Step } from './action.ts'
import { claim } from './claim.ts'
import { equal } from './support/equality.ts'
import { controllerReference, isControlledBy } from './support/owner-references.ts'
import { templateHash, type Template } from './support/template-hash.ts'
import { compareText } from './support/order.ts'

export type RevisionView = Frozen<ControllerRevision>

/** An object whose templates are kept as ControllerRevisions, so that `kubectl rollout` can list them and go back. */
interface Historic extends KubeObject {
  spec?: { template?: unknown }
  status?: { collisionCount?: number }
}

export interface HistoryOwner<O extends Historic> {
  readonly type: ResourceType<O>
  readonly object: Frozen<O>
  readonly selector: Selector
  /** The label of a revision that holds the hash in its name. */
  readonly hashLabel: string
}

export interface History {
  /** The revision of the template as it is now. */
  readonly current: RevisionView
  /** Revisions of other templates, oldest first. */
  readonly others: readonly RevisionView[]
  /** Older revisions of the same template: made by hand, or by an orphaned owner of the same name. */
  readonly duplicates: readonly RevisionView[]
  /** Adoptions and releases. */
  readonly claims: readonly Step[]
  /** What makes `current` true. To be carried out before anything else; its event brings the owner back. */
  readonly change: Step | undefined
}

/**
 * Which revision the template of an owner is: the newest of those with the same template, which becomes the newest of
 * all when the owner was rolled back to it, or else one to be created.
 */
export function historyOf<O extends Historic>(owner: HistoryOwner<O>, candidates: readonly RevisionView[]): History {
  const template = templateOf(owner.object as Historic)
  const { owned, steps: claims } = claim(owner, controllerRevisions, candidates)
  const revisions = [...owned].sort(byRevision)
  const same = (revision: RevisionView) => equal(recordedTemplate(revision), template)
  const equals = revisions.filter(same)
  const others = revisions.filter((revision) => !equals.includes(revision))
  const newest = revisions.at(-1)
  const next = (newest?.revision ?? 0) + 1
  const kept = equals.at(-1)
  if (!kept) {
    const current = newRevision(owner, template, next)
    return { current, others, duplicates: [], claims, change: creating(owner, current) }
  }
  const duplicates = equals.slice(0, -1)
  if (kept === newest) return { current: kept, others, duplicates, claims, change: undefined }
  const current = { ...kept, revision: next }
  return { current, others, duplicates, claims, change: update(controllerRevisions, current) }
}

/** The template that a revision holds: a patch that, strategically merged, replaces the owner's. */
export function recordedTemplate(revision: Frozen<KubeObject>): Template {
  const data = (revision as RevisionView).data as { spec?: { template?: Template & { $patch?: string } } } | undefined
  const { $patch: _, ...template } = data?.spec?.template ?? {}
  return template
}

/** Deletes the oldest revisions that nothing lives by, `surplus` of them. `revisions` come oldest first. */
export const forget = (
  revisions: readonly RevisionView[],
  isLive: (revision: RevisionView) => boolean,
  surplus: (dead: number) => number,
): readonly DeleteAction[] => {
  const dead = revisions.filter((revision) => !isLive(revision) && !revision.metadata?.deletionTimestamp)
  return dead
    .slice(0, Math.max(0, surplus(dead.length)))
    .map((revision) => remove(controllerRevisions, revision, { tolerate: (error) => error.code === 404 }))
}

const templateOf = (object: Historic): Template => (object.spec?.template ?? {}) as Template

/** Names have room for a dash and a hash of ten characters in a DNS subdomain of 253. */
const longestPrefix = 223

function newRevision<O extends Historic>(
  { type, object, hashLabel }: HistoryOwner<O>,
  template: Template,
  revision: number,
): RevisionView {
  const { name = '', namespace = '', annotations } = (object as Historic).metadata ?? {}
  // The status of a new set has no count yet, and that of one that was looked at a zero.
  const hash = templateHash(template, (object as Historic).status?.collisionCount || undefined)
  return {
    metadata: {
      name: `${name.slice(0, longestPrefix)}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(type, object)],
    },
    data: { spec: { template: { ...template, $patch: 'replace' } } } as NonNullable<RevisionView['data']>,
    revision,
  }
}

const creating = <O extends Historic>(owner: HistoryOwner<O>, revision: RevisionView): Step =>
  create(controllerRevisions, revision, {
    recover: (error) => (isAlreadyExists(error) ? settleCollision(owner, revision, error) : undefined),
  })

/**
 * A revision of that name is there: either the cache is late and it is ours, or two templates have one hash. Then the
 * collision is counted, once though the cache of the owner may be late too, and the next hash is another.
 */
function settleCollision<O extends Historic>(
  { type, object }: HistoryOwner<O>,
  revision: RevisionView,
  error: StatusError,
): Step[] {
  const { status } = object as Historic
  const counted = { ...object, status: { ...status, collisionCount: (status?.collisionCount ?? 0) + 1 } }
  const isOurs = (found: KubeObject | undefined) =>
    found !== undefined &&
    isControlledBy(found, object as KubeObject) &&
    equal(recordedTemplate(found), recordedTemplate(revision))
  return [
    {
      verb: 'read',
      type: controllerRevisions,
      key: objectKey(revision),
      then: (found) => (isOurs(found) ? [] : [updateStatus(type, counted as Frozen<O>), { verb: 'fail', error }]),
    },
  ]
}

/** Older before newer; those of one number by age, then by name. */
function byRevision(a: RevisionView, b: RevisionView): number {
  const [left, right] = [a.metadata, b.metadata]
  return (
    a.revision - b.revision ||
    compareText(left?.creationTimestamp ?? '', right?.creationTimestamp ?? '') ||
    compareText(left?.name ?? '', right?.name ?? '')
  )
}
