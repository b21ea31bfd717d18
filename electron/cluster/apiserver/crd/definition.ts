import type { KubeObject } from '#shared/kube/object.ts'
import { trackedCustomResource, type TrackedKind } from '../../schema/managed-fields/track.ts'
import type { ReplicasPaths } from '../../schema/managed-fields/scale.ts'
import type { StructuralSchema } from '../../schema/managed-fields/shape.ts'
import type { JsonSchema } from '../../schema/openapi/api.ts'
import { byPreference } from '../discovery/versions.ts'
import type { Crd, Names, Schema, Version } from '../registry/apiextensions/types.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { CustomFields, FieldReader, KindDefinition } from '../registry/kind.ts'
import { status } from '../registry/subresources.ts'
import { customColumns } from './columns.ts'
import { namesIn, valueAt } from './fields.ts'
import { customScale } from './scale.ts'
import { decodeCustom } from './schema/decode.ts'
import { fillDefaults } from './schema/defaults.ts'
import { customStrategy, type RuleCheck } from './strategy.ts'
import type { Conversion } from './webhook-conversion.ts'

export interface CustomKinds {
  /** In the version that is stored, served or not. */
  readonly storage: KindDefinition
  /** The served versions, the preferred one first. */
  readonly served: readonly KindDefinition[]
}

export interface DefinitionDeps {
  /** Revision of the store from which on objects are written under this definition. */
  since: number
  /** Compiles x-kubernetes-validations; absent: they are not checked. */
  compileRules?: (schema: Schema) => RuleCheck | undefined
  /** Where a webhook converts. */
  convert?: Conversion
}

const anything: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const schemaOf = ({ schema }: Version): Schema => schema?.openAPIV3Schema ?? anything

/** What a definition makes the server serve: one kind per version, all over the same stored objects. */
export function customKinds(crd: Crd, deps: DefinitionDeps): CustomKinds {
  const versions = crd.spec?.versions ?? []
  const stored = versions.find(({ storage }) => storage) ?? versions[0]!
  const fields = new Map<string, CustomFields>()
  for (const version of versions)
    fields.set(apiVersionOf(crd, version), fieldsOf(schemaOf(version), fields, deps.since))
  const kinds = versions.map((version) => kindOf(crd, version, stored, fields, deps))
  return {
    storage: kinds[versions.indexOf(stored)]!,
    served: kinds.filter((_, i) => versions[i]!.served).sort((a, b) => byPreference(a.version, b.version)),
  }
}

/** Where each version has its replicas, served or not. */
const replicasPaths = (crd: Crd): ReplicasPaths =>
  new Map(
    (crd.spec?.versions ?? []).map((version) => {
      const path = version.subresources?.scale?.specReplicasPath
      return [apiVersionOf(crd, version), path === undefined ? undefined : namesIn(path)]
    }),
  )

const apiVersionOf = ({ spec }: Crd, { name }: Version): string => `${spec?.group}/${name}`

function fieldsOf(schema: Schema, all: ReadonlyMap<string, CustomFields>, since: number): CustomFields {
  // Large schemas are read into shapes when somebody first writes by them.
  let tracked: TrackedKind | undefined
  return {
    decode: (value, text) => decodeCustom(schema, value, text),
    renewed: (object) => renewed(object, schema),
    since,
    get tracked() {
      return (tracked ??= trackedCustomResource(schema as StructuralSchema))
    },
    versions(apiVersion) {
      const version = all.size > 1 ? all.get(apiVersion) : undefined
      return (
        version && {
          shape: version.tracked.shape,
          convert: (object) => ({ ...version.decode(object).object, apiVersion }),
        }
      )
    },
  }
}

/** What reading an object that may have been stored under another schema comes to. */
function renewed(object: KubeObject, schema: Schema): KubeObject {
  const known = decodeCustom(schema, object).object
  fillDefaults(known, schema)
  return known as KubeObject
}

function kindOf(
  crd: Crd,
  version: Version,
  stored: Version,
  fields: ReadonlyMap<string, CustomFields>,
  { compileRules, convert }: DefinitionDeps,
): KindDefinition {
  const { group = '' } = crd.spec ?? {}
  const { plural = '', singular = '', kind = '', listKind = '', shortNames, categories } = namesOf(crd)
  const name = version.name ?? ''
  const schema = schemaOf(version)
  const apiVersion = apiVersionOf(crd, version)
  const custom = fields.get(apiVersion)!
  const { scale, status: hasStatus } = version.subresources ?? {}
  return {
    group,
    version: name,
    kind,
    listKind,
    plural,
    singular,
    ...(shortNames?.length ? { shortNames } : {}),
    ...(categories?.length ? { categories } : {}),
    namespaced: crd.spec?.scope === 'Namespaced',
    type: modelName(group, name, kind),
    storagePrefix: `${group}/${plural}`,
    ...(version === stored ? {} : { convert: conversion(crd, version, stored, fields) }),
    ...(convert ? { convertLater: laterConversion(crd, apiVersion, apiVersionOf(crd, stored), fields, convert) } : {}),
    strategy: customStrategy({
      apiVersion,
      kind,
      schema,
      hasStatus: hasStatus !== undefined,
      scale,
      rules: compileRules?.(schema),
    }),
    columns: customColumns(version.additionalPrinterColumns),
    subresources: [...(hasStatus ? [status(kind)] : []), ...(scale ? [customScale(scale, replicasPaths(crd))] : [])],
    selectableFields: selectableFields(version),
    ...(version.deprecated ? { deprecation: deprecation(crd, version) } : {}),
    ...(isTerminating(crd)
      ? { refused: { create: 'create not allowed while custom resource definition is terminating' } }
      : {}),
    custom,
    schema: schema as JsonSchema,
  }
}

export const namesOf = ({ status: { acceptedNames = {} } = {} }: Crd): Names => acceptedNames

export const hasCondition = ({ status: now }: Crd, type: string): boolean =>
  now?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false

const isTerminating = (crd: Crd): boolean => hasCondition(crd, 'Terminating')

/** Conversion by name only: the object is the same in every version, but for what a version's schema does not know. */
function conversion(
  crd: Crd,
  version: Version,
  stored: Version,
  fields: ReadonlyMap<string, CustomFields>,
): NonNullable<KindDefinition['convert']> {
  const { group = '' } = crd.spec ?? {}
  const apiVersion = apiVersionOf(crd, version)
  const storedVersion = apiVersionOf(crd, stored)
  const own = fields.get(apiVersion)!
  const storage = fields.get(storedVersion)!
  return {
    storage: { group, version: stored.name ?? '', type: modelName(group, stored.name ?? '', namesOf(crd).kind ?? '') },
    alike: semanticEqual(version.schema, stored.schema),
    toStorage: (object) => ({ ...storage.renewed(object), apiVersion: storedVersion }),
    fromStorage: (object) => own.decode(storage.renewed(object)).object as KubeObject,
  }
}

/** Conversion by webhook: each object is converted from the version that it lies in the store in. */
function laterConversion(
  { spec, status: now }: Crd,
  apiVersion: string,
  stored: string,
  fields: ReadonlyMap<string, CustomFields>,
  convert: Conversion,
): NonNullable<KindDefinition['convertLater']> {
  const to = async (objects: readonly KubeObject[], wanted: string): Promise<KubeObject[]> => {
    const current = objects.map((object) => fields.get(object.apiVersion!)?.renewed(object) ?? object)
    const others = current.filter((object) => object.apiVersion !== wanted)
    const converted = await convert(others, wanted)
    const known = fields.get(wanted)!
    let next = 0
    return current.map((object) =>
      object.apiVersion === wanted ? object : (known.decode(converted[next++]!).object as KubeObject),
    )
  }
  return {
    unmarked: `${spec?.group}/${now?.storedVersions?.[0] ?? ''}`,
    toThis: (objects) => to(objects, apiVersion),
    toStorage: async (object) => (await to([object], stored))[0]!,
  }
}

function selectableFields({ selectableFields: paths }: Version): Record<string, FieldReader<KubeObject>> {
  return Object.fromEntries(
    (paths ?? []).map(({ jsonPath = '' }) => [
      jsonPath.replace(/^\./, ''),
      (object: KubeObject) => {
        const value = valueAt(object, jsonPath)
        return value === undefined || value === null ? '' : String(value as string | number | boolean)
      },
    ]),
  )
}

/** Source: apiextensions-apiserver/pkg/apis/apiextensions/v1/deprecated (defaultDeprecationWarning). */
function deprecation({ spec }: Crd, { name = '', deprecationWarning }: Version): string {
  if (deprecationWarning !== undefined) return deprecationWarning
  const kind = spec?.names?.kind
  const better = (spec?.versions ?? [])
    .filter((other) => other.served && !other.deprecated && byPreference(other.name ?? '', name) < 0)
    .map((other) => other.name ?? '')
    .sort(byPreference)[0]
  const text = `${spec?.group}/${name} ${kind} is deprecated`
  return better === undefined ? text : `${text}; use ${spec?.group}/${better} ${kind}`
}

/** As OpenAPI names a model: `com.example.stable.v1.CronTab`. */
const modelName = (group: string, version: string, kind: string): string =>
  [...group.split('.').reverse(), version, kind].join('.')
