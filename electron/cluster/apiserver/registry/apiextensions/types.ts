import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../loose.ts'

/** JSONSchemaProps, as far as rules read it. */
export interface Schema {
  title?: string | undefined
  description?: string | undefined
  type?: string | undefined
  format?: string | undefined
  nullable?: boolean | undefined
  default?: unknown
  enum?: readonly unknown[] | undefined
  maximum?: number | undefined
  exclusiveMaximum?: boolean | undefined
  minimum?: number | undefined
  exclusiveMinimum?: boolean | undefined
  multipleOf?: number | undefined
  maxLength?: number | undefined
  minLength?: number | undefined
  pattern?: string | undefined
  maxItems?: number | undefined
  minItems?: number | undefined
  uniqueItems?: boolean | undefined
  maxProperties?: number | undefined
  minProperties?: number | undefined
  required?: readonly string[] | undefined
  properties?: Readonly<Record<string, Schema>> | undefined
  items?: Schema | undefined
  additionalProperties?: Schema | boolean | undefined
  allOf?: readonly Schema[] | undefined
  anyOf?: readonly Schema[] | undefined
  oneOf?: readonly Schema[] | undefined
  not?: Schema | undefined
  externalDocs?: object | undefined
  example?: unknown
  $ref?: string | undefined
  $schema?: string | undefined
  id?: string | undefined
  additionalItems?: Schema | boolean | undefined
  patternProperties?: Readonly<Record<string, Schema>> | undefined
  definitions?: Readonly<Record<string, Schema>> | undefined
  dependencies?: Readonly<Record<string, unknown>> | undefined
  'x-kubernetes-int-or-string'?: boolean | undefined
  'x-kubernetes-preserve-unknown-fields'?: boolean | undefined
  'x-kubernetes-embedded-resource'?: boolean | undefined
  'x-kubernetes-list-type'?: string | undefined
  'x-kubernetes-list-map-keys'?: readonly string[] | undefined
  'x-kubernetes-map-type'?: string | undefined
  'x-kubernetes-validations'?: readonly Rule[] | undefined
}

/** x-kubernetes-validations: one CEL rule. */
export interface Rule {
  rule?: string | undefined
  message?: string | undefined
  messageExpression?: string | undefined
  reason?: string | undefined
  fieldPath?: string | undefined
  optionalOldSelf?: boolean | undefined
}

export interface Names {
  plural?: string | undefined
  singular?: string | undefined
  kind?: string | undefined
  listKind?: string | undefined
  shortNames?: string[] | undefined
  categories?: string[] | undefined
}

export interface PrinterColumn {
  name?: string | undefined
  type?: string | undefined
  format?: string | undefined
  jsonPath?: string | undefined
  description?: string | undefined
  priority?: number | undefined
}

export interface Scale {
  specReplicasPath?: string | undefined
  statusReplicasPath?: string | undefined
  labelSelectorPath?: string | undefined
}

export interface Condition {
  type: string
  status: string
  lastTransitionTime?: string
  reason?: string
  message?: string
}

export interface Version {
  name?: string | undefined
  served?: boolean | undefined
  storage?: boolean | undefined
  deprecated?: boolean | undefined
  deprecationWarning?: string | undefined
  schema?: { openAPIV3Schema?: Schema | undefined } | undefined
  subresources?:
    | {
        status?: object | undefined
        scale?: Scale | undefined
      }
    | undefined
  additionalPrinterColumns?: PrinterColumn[] | undefined
  selectableFields?: { jsonPath?: string }[] | undefined
}

export interface Conversion {
  strategy: string
  webhook: {
    clientConfig: {
      url: string
      service: { namespace: string; name: string; path: string; port: number }
      caBundle: string
    }
    conversionReviewVersions: string[]
  }
}

export interface Spec {
  group?: string | undefined
  scope?: string | undefined
  names?: Names | undefined
  versions?: Version[] | null | undefined
  conversion?: Loose<Conversion> | undefined
  preserveUnknownFields?: boolean | undefined
}

export type Crd = KubeObject & {
  spec?: Spec
  status?: { acceptedNames?: Names; storedVersions?: string[]; conditions?: Condition[] | null }
}
