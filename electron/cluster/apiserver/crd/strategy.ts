import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { bumpGeneration, copyField } from '../registry/define.ts'
import type { Scale, Schema } from '../registry/apiextensions/types.ts'
import type { Strategy } from '../registry/kind.ts'
import { metaOf } from '../registry/loose.ts'
import { invalid, invalidUnshown } from '../registry/validation/field.ts'
import { dnsSubdomain } from '../registry/validation/names.ts'
import { fillDefaults } from './schema/defaults.ts'
import { canonical, listTypeErrors } from './schema/list-types.ts'
import { embeddedErrors } from './schema/metadata.ts'
import { own, type JsonObject } from './schema/paths.ts'
import { scaleErrors } from './scale.ts'
import { schemaErrors } from './validate/validate.ts'

/** What rules of the schema's own (x-kubernetes-validations) say of an object; undefined where it has none. */
export type RuleCheck = (object: KubeObject, old: KubeObject | undefined) => FieldError[]

export interface CustomRules {
  readonly apiVersion: string
  readonly kind: string
  readonly schema: Schema
  readonly hasStatus: boolean
  readonly scale: Scale | undefined
  readonly rules: RuleCheck | undefined
}

/** The rules of a custom resource in one version. Source: apiextensions registry/customresource/strategy.go. */
export function customStrategy(custom: CustomRules): Strategy {
  const { schema, hasStatus } = custom
  return {
    setDefaults: (object) => void fillDefaults(object, schema),
    prepareForCreate(object) {
      if (hasStatus) delete fieldsOf(object)['status']
      metaOf(object).generation = 1
    },
    prepareForUpdate(object, old, { subresource }) {
      if (subresource === 'status') return keepAllButStatus(object, old)
      if (hasStatus) copyField(object, old, 'status')
      bumpGeneration(object, old, contentOf(object) !== contentOf(old))
    },
    validateCreate: (object) => createErrors(custom, object),
    validateUpdate: (object, old, { subresource }) => updateErrors(custom, object, old, subresource === 'status'),
    validateName: dnsSubdomain,
    // What was taken away again, such as the status, has its defaults whenever it is read.
    canonicalize: (object) => void fillDefaults(object, schema),
    warnings: finalizerWarnings,
    requireResourceVersionOnUpdate: true,
  }
}

const fieldsOf = (object: KubeObject): JsonObject => object as unknown as JsonObject

function contentOf({ metadata: _metadata, ...rest }: KubeObject): string {
  return canonical(rest)
}

/** A writer of the status changes nothing else, not even labels. */
function keepAllButStatus(object: KubeObject, old: KubeObject): void {
  for (const name of new Set([...Object.keys(object), ...Object.keys(old)]))
    if (!['apiVersion', 'kind', 'metadata', 'status'].includes(name)) copyField(object, old, name)
  const metadata = metaOf(object)
  for (const name of new Set([...Object.keys(metadata), ...Object.keys(old.metadata ?? {})]))
    if (name !== 'managedFields') copyField(metadata, old.metadata ?? {}, name)
}

function typeErrors({ kind, apiVersion }: CustomRules, object: KubeObject): FieldError[] {
  return [
    ...(object.kind === kind ? [] : [invalid('kind', object.kind, `must be ${kind}`)]),
    ...(object.apiVersion === apiVersion ? [] : [invalid('apiVersion', object.apiVersion, `must be ${apiVersion}`)]),
  ]
}

function createErrors(custom: CustomRules, object: KubeObject): FieldError[] {
  const wrongType = typeErrors(custom, object)
  if (wrongType.length) return wrongType
  const { schema, scale } = custom
  const errors = [
    ...schemaErrors(schema, object),
    ...scaleErrors(object, scale),
    ...embeddedErrors(object, schema),
    ...listTypeErrors(object, schema),
  ]
  return [...errors, ...ruleErrors(custom, errors, object, undefined)]
}

function updateErrors(custom: CustomRules, object: KubeObject, old: KubeObject, ofStatus: boolean): FieldError[] {
  const wrongType = typeErrors(custom, object)
  if (wrongType.length) return wrongType
  const { schema, scale } = custom
  // Lists that were wrong before may stay so.
  const ofLists = listTypeErrors(object, schema)
  const lists = ofLists.length && listTypeErrors(old, schema).length ? [] : ofLists
  const errors = ofStatus
    ? [...statusErrors(schema, object, old), ...scaleErrors(object, scale), ...lists]
    : [
        ...schemaErrors(schema, object, '', old),
        ...scaleErrors(object, scale),
        ...embeddedErrors(object, schema),
        ...lists,
      ]
  return [...errors, ...ruleErrors(custom, errors, object, old)]
}

function statusErrors({ properties }: Schema, object: KubeObject, old: KubeObject): FieldError[] {
  const schema = own(properties, 'status')
  const status = fieldsOf(object)['status']
  return schema && status !== undefined ? schemaErrors(schema, status, 'status', fieldsOf(old)['status']) : []
}

/** Wrong in a way that rules could not make sense of. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

function ruleErrors(
  { rules }: CustomRules,
  errors: readonly FieldError[],
  object: KubeObject,
  old: KubeObject | undefined,
): FieldError[] {
  if (!rules) return []
  if (!errors.some(({ type }) => blocking.has(type))) return rules(object, old)
  const text =
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
  return [invalidUnshown('<nil>', `null: ${text}`)]
}

const knownFinalizers = new Set(['orphan', 'foregroundDeletion'])

function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const before = old?.metadata?.finalizers ?? []
  const added = (object.metadata?.finalizers ?? []).filter((name) => !before.includes(name))
  return [...new Set(added)]
    .sort()
    .filter((name) => !name.includes('/') && !knownFinalizers.has(name))
    .map(
      (name) =>
        `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    )
}
