import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { duplicate, invalid, required, tooMany } from '../validation/field.ts'
import { isDns1035Label } from '../validation/names.ts'
import { resolveFieldPath } from './field-path.ts'
import { validateSchema } from './schema.ts'
import type { PrinterColumn, Schema, Version } from './types.ts'

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string']
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function validateColumn({ name, type, format, jsonPath }: PrinterColumn, path: string): FieldError[] {
  const errors = name ? [] : [required(`${path}.name`)]
  if (!type) errors.push(required(`${path}.type`, `must be one of ${columnTypes.join(',')}`))
  else if (!columnTypes.includes(type))
    errors.push(invalid(`${path}.type`, type, `must be one of ${columnTypes.join(',')}`))
  if (format && !columnFormats.includes(format))
    errors.push(invalid(`${path}.format`, format, `must be one of ${columnFormats.join(',')}`))
  if (!jsonPath) return [...errors, required(`${path}.JSONPath`)]
  return [...errors, ...simplePathErrors(jsonPath, `${path}.JSONPath`)]
}

const simplePathErrors = (value: string, path: string): FieldError[] =>
  value.startsWith('.') ? [] : [invalid(path, value, 'must be a simple json path starting with .')]

function validateSubresources({ scale }: NonNullable<Version['subresources']>, path: string): FieldError[] {
  if (!scale) return []
  const under = (
    field: 'specReplicasPath' | 'statusReplicasPath' | 'labelSelectorPath',
    roots: readonly string[],
    where: string,
  ) => {
    const value = scale[field]
    const at = `${path}.scale.${field}`
    if (!value) return field === 'labelSelectorPath' ? [] : [required(at)]
    const errors = simplePathErrors(value, at)
    if (errors.length || roots.some((root) => value.startsWith(root))) return errors
    return [invalid(at, value, `should be a json path under ${where}`)]
  }
  return [
    ...under('specReplicasPath', ['.spec.'], '.spec'),
    ...under('statusReplicasPath', ['.status.'], '.status'),
    ...under('labelSelectorPath', ['.spec.', '.status.'], 'either .spec or .status'),
  ]
}

const mostSelectableFields = 8

function validateSelectableFields(
  fields: NonNullable<Version['selectableFields']>,
  schema: Schema | undefined,
  path: string,
): FieldError[] {
  if (!schema) return [invalid(path, '', 'selectableFields may only be set when validations.schema is included')]
  const seen = new Set<string>()
  const errors = fields.flatMap(({ jsonPath = '' }, i) => {
    const at = `${path}[${i}].jsonPath`
    if (!jsonPath) return [required(at)]
    const found = resolveFieldPath(jsonPath, schema)
    if ('error' in found) return [invalid(at, jsonPath, `is an invalid path: ${found.error}`)]
    const wrong: FieldError[] = []
    if (found.names[0] === 'metadata') wrong.push(invalid(at, jsonPath, 'must not point to fields in metadata'))
    if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? '')) {
      const text =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
      wrong.push(invalid(at, jsonPath, text))
    }
    const name = JSON.stringify(found.names)
    if (seen.has(name)) wrong.push(duplicate(at, jsonPath))
    seen.add(name)
    return wrong
  })
  return seen.size > mostSelectableFields ? [...errors, tooMany(path, seen.size, mostSelectableFields)] : errors
}

function deprecationErrors({ deprecated, deprecationWarning: text }: Version, path: string): FieldError[] {
  if (text === undefined) return []
  const wrong = (detail: string) => invalid(`${path}.deprecationWarning`, text, detail)
  if (!deprecated) return [wrong('can only be set for deprecated versions')]
  const errors: FieldError[] = []
  if (Buffer.byteLength(text) > 256) errors.push(wrong('must be <= 256 characters long'))
  if (text === '') errors.push(wrong('must not be an empty string'))
  const unprintable = text.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u)
  if (unprintable >= 0) {
    const at = Buffer.byteLength(text.slice(0, unprintable))
    errors.push(wrong(`must only contain printable UTF-8 characters; non-printable character found at index ${at}`))
  }
  return errors
}

type Shared = 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields'

/** What all versions have alike belongs to the definition as a whole upstream, and its errors lie there. */
const isShared = (versions: readonly Version[], field: Shared): boolean =>
  versions.every((version) => semanticEqual(version[field], versions[0]?.[field]))

interface Where {
  schema: string
  rest: string
}

function contentErrors(
  version: Version,
  of: (field: Shared) => boolean,
  where: Where,
  hasStatus: boolean,
  old: readonly Version[],
): FieldError[] {
  const { schema, subresources, additionalPrinterColumns: columns, selectableFields } = version
  const open = schema?.openAPIV3Schema
  const errors: FieldError[] = []
  // What was good when it was written is not looked at again: large schemas are mostly written back as they were.
  const isKnown = old.some(
    (other) => semanticEqual(other.schema, schema) && semanticEqual(other.subresources, subresources),
  )
  if (of('schema') && open && !isKnown)
    errors.push(...validateSchema(open, `${where.schema}.openAPIV3Schema`, hasStatus))
  if (of('subresources') && subresources)
    errors.push(...validateSubresources(subresources, `${where.rest}.subresources`))
  if (of('additionalPrinterColumns'))
    for (const [i, column] of (columns ?? []).entries())
      errors.push(...validateColumn(column, `${where.rest}.additionalPrinterColumns[${i}]`))
  if (of('selectableFields') && selectableFields?.length)
    errors.push(...validateSelectableFields(selectableFields, open, `${where.rest}.selectableFields`))
  return errors
}

/** The versions of a definition, each and all together. `old` are those before an update. */
export function validateVersions(versions: readonly Version[], old: readonly Version[]): FieldError[] {
  const missing = versions.flatMap((version, i) =>
    version.schema?.openAPIV3Schema
      ? []
      : [required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required')],
  )
  const shared = new Map<Shared, boolean>()
  const isAlike = (field: Shared): boolean => {
    if (!shared.has(field)) shared.set(field, isShared(versions, field))
    return shared.get(field)!
  }
  const errors = versions.flatMap((version, i) => {
    const path = `spec.versions[${i}]`
    const name = version.name ?? ''
    const wrong = isDns1035Label(name)
    return [
      ...(wrong.length ? [invalid(`${path}.name`, name, wrong.join(','))] : []),
      ...deprecationErrors(version, path),
      ...contentErrors(
        version,
        (field) => !isAlike(field),
        { schema: `${path}.schema`, rest: path },
        version.subresources?.status !== undefined,
        old,
      ),
    ]
  })
  errors.unshift(...missing)
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid('spec.versions', versions, 'must contain unique version names'))
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid('spec.versions', versions, 'must have exactly one version marked as storage version'))
  return errors
}

/** What all versions have alike. */
export function validateShared(versions: readonly Version[], old: readonly Version[]): FieldError[] {
  const [first] = versions
  if (!first) return []
  const hasStatus = versions.some(({ subresources }) => subresources?.status !== undefined)
  const where = { schema: 'spec.validation', rest: 'spec' }
  return contentErrors(first, (field) => isShared(versions, field), where, hasStatus, old)
}
