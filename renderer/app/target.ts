import type { ResourceRef } from '#shared/ipc/queries.ts'

/** One object, by name: what actions act on and the drawer shows. */
export interface ObjectTarget {
  context: string
  resource: ResourceRef
  namespace?: string | undefined
  name: string
  uid?: string | undefined
  /** Narrows an action to one container of a pod, or to one port. */
  container?: string | undefined
  port?: number | undefined
}

/** The parts that the channel wants of it. */
export const objectRefOf = ({ context, resource, namespace, name }: ObjectTarget) => ({
  context,
  resource,
  ...(namespace ? { namespace } : {}),
  name,
})

export const sameTarget = (a: ObjectTarget, b: ObjectTarget): boolean =>
  a.context === b.context &&
  a.resource.group === b.resource.group &&
  a.resource.plural === b.resource.plural &&
  (a.namespace ?? '') === (b.namespace ?? '') &&
  a.name === b.name
