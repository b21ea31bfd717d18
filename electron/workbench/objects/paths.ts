import type { ObjectRef } from '#shared/ipc/objects.ts'
import { resourcePath } from '#shared/kube/resources.ts'

/** The URL path of one object, or of its subresource. */
export const objectPath = (ref: Pick<ObjectRef, 'resource' | 'namespace' | 'name'>, subresource?: string): string =>
  resourcePath(ref.resource, { namespace: ref.namespace, name: ref.name, ...(subresource ? { subresource } : {}) })

/** The writer that managedFields name. */
export const fieldManager = 'wheelhouse'

export const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const
