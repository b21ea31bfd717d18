import type { CelType } from '../types/types.ts'
import type { CelValue } from '../values/values.ts'

/** What matters of an OpenAPI or structural schema. */
export interface CelSchema {
  readonly type?: string
  readonly format?: string
  readonly nullable?: boolean
  readonly properties?: Readonly<Record<string, CelSchema>>
  readonly additionalProperties?: CelSchema | boolean
  readonly items?: CelSchema
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** How values of a schema look to expressions. */
export interface Declaration {
  readonly type: CelType
  /** JSON, as it was validated against the schema, as a value. Objects and maps convert what is read of them. */
  convert(raw: unknown): CelValue
  /** Bounds of sizes in a request, for estimates of cost: characters, elements or entries at most; bytes of JSON at least. */
  readonly largest: number
  readonly smallest: number
  /** Of lists and maps. */
  readonly element?: Declaration
  /** Of objects, by escaped name. */
  readonly fields?: ReadonlyMap<string, Declaration>
}
