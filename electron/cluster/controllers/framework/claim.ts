import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'
import { matches, type Selector } from '#shared/kube/selectors.ts'
import { controllerOf } from './support/owner-references.ts'
import { objectKey, patch, type PatchAction, type ReadAction, type Step } from './action.ts'

export interface Claim<C> {
  /** Those that are, or after the steps will be, controlled by the owner. */
  readonly owned: readonly Frozen<C>[]
  /** Adoptions and releases. */
  readonly steps: readonly Step[]
}

interface Owner<O extends KubeObject> {
  readonly type: ResourceType<O>
  readonly object: Frozen<O>
  readonly selector: Selector
  /** What else, beside the selector, makes a child the owner's: its name, say. Default: nothing. */
  readonly accepts?: (child: KubeObject) => boolean
  /** Put on what is adopted, with the reference. */
  readonly finalizers?: readonly string[]
}

/**
 * Which objects an owner controls (upstream's ControllerRefManager): it releases what no longer matches its selector,
 * adopts orphans that do, and touches nothing that another controls. What is being deleted neither adopts nor is
 * adopted, and before the first adoption the owner is read live: the cache may show one that was deleted, or replaced
 * by another of the same name.
 */
export function claim<C extends KubeObject, O extends KubeObject>(
  owner: Owner<O>,
  childType: ResourceType<C>,
  candidates: readonly Frozen<C>[],
): Claim<C> {
  const { uid, deletionTimestamp } = owner.object.metadata as NonNullable<KubeObject['metadata']>
  const owned: Frozen<C>[] = []
  const release: PatchAction[] = []
  const adopt: PatchAction[] = []
  for (const candidate of candidates) {
    const object = candidate as KubeObject
    const controller = controllerOf(object)
    const wanted = matches(owner.selector, object.metadata?.labels) && (owner.accepts?.(object) ?? true)
    if (controller) {
      if (controller.uid !== uid) continue
      if (wanted) owned.push(candidate)
      else if (!deletionTimestamp) release.push(releasePatch(childType, object, uid ?? ''))
    } else if (wanted && !deletionTimestamp && !object.metadata?.deletionTimestamp) {
      owned.push(candidate)
      adopt.push(adoptPatch(childType, object, owner))
    }
  }
  return { owned, steps: adopt.length ? [...release, whileAlive(owner, adopt)] : release }
}

function whileAlive<O extends KubeObject>(owner: Owner<O>, steps: readonly Step[]): ReadAction {
  const cached = owner.object as KubeObject
  const name = `${cached.metadata?.namespace}/${cached.metadata?.name}`
  return {
    verb: 'read',
    type: owner.type,
    key: objectKey(cached),
    then(live) {
      if (live?.metadata?.uid !== cached.metadata?.uid)
        throw new Error(
          `original ${owner.type.kind} ${name} is gone: got uid ${live?.metadata?.uid}, wanted ${cached.metadata?.uid}`,
        )
      if (live?.metadata?.deletionTimestamp)
        throw new Error(`${name} has just been deleted at ${live.metadata.deletionTimestamp}`)
      return steps
    },
  }
}

const adoptPatch = <O extends KubeObject>(type: ResourceType, object: KubeObject, owner: Owner<O>): PatchAction => {
  const { name, uid } = owner.object.metadata as NonNullable<KubeObject['metadata']>
  const reference = {
    apiVersion: apiVersionOf(owner.type),
    kind: owner.type.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  }
  return patch(type, objectKey(object), 'strategic', {
    metadata: {
      ownerReferences: [reference],
      uid: object.metadata?.uid,
      ...(owner.finalizers ? { finalizers: owner.finalizers } : {}),
    },
  })
}

/** An object that is gone needs no release; one whose reference was already removed answers Invalid. */
const releasePatch = (type: ResourceType, object: KubeObject, ownerUid: string): PatchAction =>
  patch(
    type,
    objectKey(object),
    'strategic',
    { metadata: { ownerReferences: [{ $patch: 'delete', uid: ownerUid }], uid: object.metadata?.uid } },
    { tolerate: (error) => error.code === 404 || error.reason === 'Invalid' },
  )
