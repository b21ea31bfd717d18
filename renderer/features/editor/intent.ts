import type { KubeObject } from '#shared/kube/object.ts'

/** What people set of an object, as one text to compare: without status and the server's own bookkeeping. */
export function intentOf(object: KubeObject): string {
  const { status: _status, metadata, ...rest } = object as KubeObject & { status?: unknown }
  const { labels, annotations, finalizers, ownerReferences } = metadata ?? {}
  return JSON.stringify({ ...rest, labels, annotations, finalizers, ownerReferences })
}
