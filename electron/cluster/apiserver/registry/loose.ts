import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'

/**
 * What a client may have sent of `T`: anything may be absent, and strategies may write. Rules read objects through
 * this, so that the compiler insists on every absent field being minded.
 */
export type Loose<T> = T extends (infer U)[]
  ? Loose<U>[]
  : T extends object
    ? { -readonly [K in keyof T]?: Loose<T[K]> | undefined }
    : T

/** An object of the API whose parts besides metadata are `Parts`. */
export type LooseObject<Parts> = KubeObject & Loose<Omit<Parts, keyof KubeObject>>

/** metadata, with the fields that only the server writes. */
export const metaOf = (object: KubeObject): { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] } =>
  (object.metadata ??= {})

export const entries = <V>(map: Readonly<Record<string, V | undefined>> | null | undefined): [string, V][] =>
  Object.entries(map ?? {}) as [string, V][]
