/**
 * What a kind is, from the one table in `data/`. Everything that needs to know a field asks here: decoding, pruning,
 * patches, server-side apply, OpenAPI, explain, the editor.
 */
export type ScalarName =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time'
  | 'duration'
  /** runtime.RawExtension: any JSON value, kept as it is. */
  | 'raw'
  /** metav1.FieldsV1. */
  | 'fields'
  /** Any JSON value of a JSON schema (default, enum, example). */
  | 'json'
  /** The unions of a CRD's JSON schema: a JSONSchemaProps or the other thing. */
  | 'schema-or-boolean'
  | 'schema-or-list'
  | 'schema-or-strings'

export type FieldType =
  | { readonly is: 'scalar'; readonly scalar: ScalarName }
  | { readonly is: 'object'; readonly type: TypeDef }
  | { readonly is: 'list'; readonly items: FieldType }
  | { readonly is: 'map'; readonly values: FieldType }

export interface FieldDef {
  /** JSON name. Inlined Go structs are flattened into their holder. */
  readonly name: string
  readonly type: FieldType
  readonly required: boolean
  /** As /openapi/v3 publishes it. */
  readonly default?: unknown
  readonly enum?: readonly string[]
  /** x-kubernetes-list-type and -map-keys. */
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listKeys?: readonly string[]
  readonly mapType?: 'atomic' | 'granular'
  /** x-kubernetes-patch-strategy, split at commas. */
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[]
  readonly patchKey?: string
  /**
   * Protobuf number; absent where the type has no protobuf form. A longer path leads through the messages that
   * protobuf makes of inlined structs: [2, 4] is field 4 of the message in field 2.
   */
  readonly number?: readonly number[]
  /** Protobuf wraps the list in a message of its own (ExtraValue, Verbs). */
  readonly wrapped: boolean
  /** Behind a feature gate that v1.36 does not open: published, and taken, but nothing of it is kept. */
  readonly shut: boolean
  /** Go writes the field even when it is empty: `{}`, `""`, `0`, `null`. */
  readonly always: boolean
  /** Go tells absent from empty: `replicas: 0` and `emptyDir: {}` are kept, while an empty value type is dropped. */
  readonly pointer: boolean
  /** Go has a value all the same, which JSON leaves out when nothing in it is set; protobuf writes it. */
  readonly omitZero: boolean
  /** Name of the Go type where it is not that of the JSON type, such as `types.UID`; for lists, of the elements. */
  readonly goType?: string
  /** Go structs through which an inlined field is reached, such as `RuleWithOperations.Rule`: errors spell them out. */
  readonly embedded?: string
}

export interface TypeDef {
  /** OpenAPI name, such as `io.k8s.api.core.v1.Pod`. */
  readonly name: string
  /** In Go's struct order. */
  readonly fields: ReadonlyMap<string, FieldDef>
  /** x-kubernetes-map-type on the type itself. */
  readonly mapType?: 'atomic' | 'granular'
}

/** The texts that `kubectl explain` prints; '' where there is none. */
export interface Descriptions {
  type(name: string): string
  field(type: string, field: string): string
}

/** One thing that strict decoding objects to, worded as the API server words it, such as `unknown field "spec.foo"`. */
export type StrictError = string

export interface Decoded {
  /**
   * As Go would write it again: unknown fields and empty values dropped, zero values that Go always writes added,
   * quantities and times in canonical form. Nothing defaulted.
   */
  object: Record<string, unknown>
  /** What Strict refuses and Warn warns of, in upstream's order. */
  strict: StrictError[]
}
