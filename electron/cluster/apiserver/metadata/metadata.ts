import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'

/** Metadata as the server writes it: for clients most of it is read-only. */
export type Metadata = { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] }

/** The object's metadata, made when it has none. */
export const metadataOf = (object: KubeObject): Metadata => (object.metadata ??= {})
