import type { Frozen, KubeObject, OwnerReference } from '#shared/kube/object.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'

/** The one reference that controls, if there is one. */
export function controllerOf(object: Frozen<KubeObject>): Frozen<OwnerReference> | undefined {
  const references = object.metadata?.ownerReferences
  return references?.find((reference) => reference.controller)
}

export const isControlledBy = (object: Frozen<KubeObject>, owner: Frozen<KubeObject>): boolean =>
  controllerOf(object)?.uid === owner.metadata?.uid

/** The reference that a controlled object carries to its owner. */
export function controllerReference<O extends KubeObject>(type: ResourceType<O>, owner: Frozen<O>): OwnerReference {
  const { name, uid } = (owner as KubeObject).metadata ?? {}
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: name ?? '',
    uid: uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}
