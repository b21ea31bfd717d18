import type { KubeObject } from '#shared/kube/object.ts'
import { accountName } from '#shared/kube/service-account-tokens.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries } from '../loose.ts'
import { asInvalid, invalid, required, tooLong } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isConfigMapKey } from '../validation/names.ts'
import { decodedLength, mostBytes, validateFrozen } from './config-map.ts'

type Secret = KubeObject & {
  data?: Record<string, string>
  stringData?: Record<string, string>
  type?: string
  immutable?: boolean
}

/** What a type of secret must hold. Source: ValidateSecret. */
function validateType({ metadata, data, type }: Secret): FieldError[] {
  const needs = (...keys: string[]) =>
    keys.filter((key) => data?.[key] === undefined).map((key) => required(`data[${key}]`))
  switch (type) {
    case 'kubernetes.io/service-account-token': {
      return metadata?.annotations?.[accountName] ? [] : [required(`metadata.annotations[${accountName}]`)]
    }
    case 'kubernetes.io/dockercfg':
      return validateJson(data?.['.dockercfg'], '.dockercfg')
    case 'kubernetes.io/dockerconfigjson':
      return validateJson(data?.['.dockerconfigjson'], '.dockerconfigjson')
    case 'kubernetes.io/basic-auth': {
      const missing = needs('username', 'password')
      return missing.length === 2 ? missing : []
    }
    case 'kubernetes.io/ssh-auth':
      return data?.['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')]
    case 'kubernetes.io/tls':
      return needs('tls.crt', 'tls.key')
    default:
      return []
  }
}

function validateJson(base64: string | undefined, key: string): FieldError[] {
  if (base64 === undefined) return [required(`data[${key}]`)]
  const problem = jsonProblem(Buffer.from(base64, 'base64').toString())
  return problem ? [invalid(`data[${key}]`, '<secret contents redacted>', problem)] : []
}

/** Why the text is no JSON object, in the words of Go's encoding/json. */
function jsonProblem(text: string): string | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return 'unexpected end of JSON input'
  try {
    const value: unknown = JSON.parse(trimmed)
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined
    const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    return `json: cannot unmarshal ${what} into Go value of type map[string]interface {}`
  } catch {
    return /^[[{"\-0-9tfn]/.test(trimmed)
      ? 'unexpected end of JSON input'
      : `invalid character '${trimmed[0]!}' looking for beginning of value`
  }
}

function validate(secret: Secret): FieldError[] {
  const errors = entries(secret.data).flatMap(([key]) => asInvalid(`data[${key}]`, key, isConfigMapKey(key)))
  const size = entries(secret.data).reduce((sum, [, value]) => sum + decodedLength(value), 0)
  if (size > mostBytes) errors.push(tooLong('data', mostBytes))
  return [...errors, ...validateType(secret)]
}

const column = columnsOf<Secret>('Secret')

const define = kindsOf('', 'v1')

export const secret: KindDefinition<Secret> = define<Secret>({
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  rules: {
    defaults(object) {
      object.type ||= 'Opaque'
      for (const [key, value] of entries(object.stringData))
        (object.data ??= {})[key] = Buffer.from(value).toString('base64')
      delete object.stringData
    },
    prepareForUpdate(object, old) {
      // A writer that knows no types gives none.
      if (!object.type && old.type) object.type = old.type
    },
    validate,
    validateUpdate: (object, old) => [
      ...validateImmutable(object.type, old.type, 'type'),
      ...validateFrozen(object, old, ['data']),
      ...validate(object),
    ],
  },
  selectableFields: { type: ({ type }) => type ?? '' },
  columns: [
    nameColumn,
    column('Type', ({ type }) => type ?? ''),
    column('Data', ({ data }) => entries(data).length),
    ageColumn,
  ],
})
