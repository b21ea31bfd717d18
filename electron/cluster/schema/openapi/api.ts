/** A kind to publish. The registry's KindDefinition has this shape. */
export interface ServedKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Default: the kind and `List`. */
  readonly listKind?: string
  readonly plural: string
  readonly namespaced: boolean
  /** Name of the type in the schema table; for custom resources the name under which `schema` is published. */
  readonly type: string
  /** Default: all eight. */
  readonly verbs?: readonly string[]
  readonly subresources?: readonly ServedSubresource[]
  /** Custom resources bring their OpenAPI v3 schema; undefined for the types of the table. */
  readonly schema?: JsonSchema
  /** Fields of custom resources that field selectors may name. */
  readonly selectableFields?: Readonly<Record<string, unknown>>
}

export interface ServedSubresource {
  readonly name: string
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
  /** Type in the table of what is read and written. Default: the holder's. */
  readonly type?: string
  /** Streams (log, exec, proxy) answer text. */
  readonly connect?: string
}

export type JsonSchema = { [key: string]: unknown }

export interface GroupVersionKind {
  group: string
  version: string
  kind: string
}

/** A document as it is sent. */
export interface OpenApiDocument {
  readonly bytes: Buffer
  /** The same, gzipped on first use. */
  readonly gzipped: Buffer
  /** Changes when the document does; upper-case hexadecimal, for URLs and ETags. */
  readonly hash: string
}

export const pathOf = (gv: { group: string; version: string }): string =>
  gv.group ? `apis/${gv.group}/${gv.version}` : `api/${gv.version}`
