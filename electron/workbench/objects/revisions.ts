import type { ControllerRevision, Deployment, ReplicaSet } from 'kubernetes-types/apps/v1'
import type { PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { ObjectRef, Revision } from '#shared/ipc/objects.ts'
import { isDeepStrictEqual } from 'node:util'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, replicaSets, resourcePath } from '#shared/kube/resources.ts'
import { formatSelector, selectorOf } from '#shared/kube/selectors.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { Failure } from '../failure.ts'
import { objectPath } from './paths.ts'
import { patch } from './workloads.ts'
import { writeValue } from './yaml.ts'

const revisionAnnotation = 'deployment.kubernetes.io/revision'
const changeCause = 'kubernetes.io/change-cause'
const hashLabel = 'pod-template-hash'

/** Of the deployment, not of a revision. Source: kubectl/pkg/polymorphichelpers/rollback.go annotationsToSkip. */
const keptAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  'deployment.kubernetes.io/revision-history',
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
  'deprecated.deployment.rollback.to',
])

/** Newest first. */
export async function revisionsOf(connection: ApiConnection, ref: ObjectRef): Promise<Revision[]> {
  const { value: owner } = await connection.json<Deployment>(objectPath(ref))
  if (ref.resource.kind === 'Deployment') {
    const newest = Number(owner.metadata?.annotations?.[revisionAnnotation] ?? 0)
    return (await setsOf(connection, ref, owner)).map((set) => ({
      ...describe(set, revisionOf(set), withoutHash(set.spec?.template)),
      replicas: set.status?.replicas ?? 0,
      current: revisionOf(set) === newest,
    }))
  }
  const held = await heldOf(connection, ref, owner)
  return held.map((revision, position) => {
    const { $patch: _directive, ...template } = (dataOf(revision)?.spec?.template ?? {}) as PodTemplateSpec & {
      $patch?: string
    }
    // The controller numbers a revision anew when it comes into use again: the highest is the current one.
    return { ...describe(revision, revision.revision, template), replicas: 0, current: position === 0 }
  })
}

/** As `kubectl rollout undo --to-revision`: the template of that revision becomes the present one. */
export async function rollback(connection: ApiConnection, ref: ObjectRef, revision: number): Promise<void> {
  const { value: owner } = await connection.json<Deployment>(objectPath(ref))
  if (ref.resource.kind === 'Deployment') {
    if (owner.spec?.paused)
      throw new Failure('Paused', `Deployment ${ref.name} is paused.`, 'Resume it first, then roll back.')
    const target =
      (await setsOf(connection, ref, owner)).find((set) => revisionOf(set) === revision) ?? missing(ref, revision)
    const template = withoutHash(target.spec?.template)
    if (isDeepStrictEqual(template, withoutHash(owner.spec?.template))) throw alreadyThere(ref, revision)
    await patch(connection, ref, 'json', [
      { op: 'replace', path: '/spec/template', value: template },
      // `add` also replaces, and does not mind when there are none.
      { op: 'add', path: '/metadata/annotations', value: annotationsAfter(owner, target) },
    ])
    return
  }
  const held = await heldOf(connection, ref, owner)
  const target = held.find((candidate) => candidate.revision === revision) ?? missing(ref, revision)
  if (target === held[0]) throw alreadyThere(ref, revision)
  // The data is the patch, its `$patch: replace` included.
  await patch(connection, ref, 'strategic', target.data)
}

const describe = (
  { metadata }: KubeObject,
  revision: number,
  template: PodTemplateSpec,
): Omit<Revision, 'replicas' | 'current'> => {
  const cause = metadata?.annotations?.[changeCause]
  return {
    revision,
    name: metadata?.name ?? '',
    created: Date.parse(metadata?.creationTimestamp ?? '') || 0,
    ...(cause ? { changeCause: cause } : {}),
    images: (template.spec?.containers ?? []).map(({ image }) => image ?? ''),
    template: writeValue(template),
  }
}

const revisionOf = ({ metadata }: ReplicaSet): number => Number(metadata?.annotations?.[revisionAnnotation] ?? 0)
const dataOf = ({ data }: ControllerRevision) => data as { spec?: { template?: PodTemplateSpec } } | undefined

/** The replica sets that are revisions, newest first. */
async function setsOf(connection: ApiConnection, ref: ObjectRef, owner: Deployment): Promise<ReplicaSet[]> {
  const sets = await ownedBy<ReplicaSet>(connection, ref, owner, replicaSets)
  return sets.filter((set) => revisionOf(set) > 0).sort((a, b) => revisionOf(b) - revisionOf(a))
}

async function heldOf(connection: ApiConnection, ref: ObjectRef, owner: Deployment): Promise<ControllerRevision[]> {
  const held = await ownedBy<ControllerRevision>(connection, ref, owner, controllerRevisions)
  return held.sort((a, b) => b.revision - a.revision)
}

async function ownedBy<T extends KubeObject>(
  connection: ApiConnection,
  ref: ObjectRef,
  owner: Deployment,
  type: Parameters<typeof resourcePath>[0],
): Promise<T[]> {
  const query = new URLSearchParams({ labelSelector: formatSelector(selectorOf(owner.spec?.selector)) })
  const { value } = await connection.json<KubeList<T>>(`${resourcePath(type, { namespace: ref.namespace })}?${query}`)
  return value.items.filter(({ metadata }) =>
    metadata?.ownerReferences?.some(({ controller, uid }) => controller && uid === owner.metadata?.uid),
  )
}

/** The label is the controller's, who gives each template its own. */
function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {}
  const { creationTimestamp: _none, ...metadata } = template?.metadata ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}

/** Those of the revision (its change-cause among them), but what speaks of the deployment itself stays. */
function annotationsAfter(owner: Deployment, target: ReplicaSet): Record<string, string> {
  const pick = (annotations: Record<string, string> = {}, kept: boolean) =>
    Object.entries(annotations).filter(([key]) => keptAnnotations.has(key) === kept)
  return Object.fromEntries([...pick(owner.metadata?.annotations, true), ...pick(target.metadata?.annotations, false)])
}

function missing(ref: ObjectRef, revision: number): never {
  throw new Failure(
    'NotFound',
    `${ref.resource.kind} ${ref.name} keeps no revision ${revision}.`,
    'Choose one of the list; older ones are removed by revisionHistoryLimit.',
  )
}

const alreadyThere = (ref: ObjectRef, revision: number): Failure =>
  new Failure(
    'Unchanged',
    `${ref.resource.kind} ${ref.name} already is as in revision ${revision}.`,
    'Choose an earlier one.',
  )
