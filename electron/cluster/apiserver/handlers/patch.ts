import type { KubeObject } from '#shared/kube/object.ts'
import { statusFailure, unsupportedMediaType } from '#shared/kube/status.ts'
import type { TypeDef } from '../../schema/api.ts'
import { strictMessage } from '../../schema/decode-json.ts'
import { patchObject } from '../../schema/patch/patch-object.ts'
import { typeNamed } from '../../schema/table.ts'
import { checkName, ensureNamespace } from '../metadata/system-fields.ts'
import type { CustomFields } from '../registry/kind.ts'
import { internalGroup } from './decode-body.ts'
import type { FieldValidation } from './query-options.ts'
import type { Operation } from './operation.ts'

export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply'

const formats: Readonly<Record<string, PatchFormat>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** Throws 415. `strategic` is for kinds of the schema table only. */
export function patchFormat(mediaType: string, strategic: boolean): PatchFormat {
  const format = formats[mediaType]
  if (!format) throw statusFailure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
  if (format === 'strategic' && !strategic) {
    const known = Object.keys(formats).filter((type) => formats[type] !== 'strategic')
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
    )
  }
  return format
}

export interface PatchRequest {
  format: Exclude<PatchFormat, 'apply'>
  body: Buffer
  validation: FieldValidation
  /** What is patched, where it is no object of the operation's kind: a view of one. */
  type?: TypeDef
}

/** The patched object, decoded but not defaulted. */
export function patched(
  op: Operation,
  current: KubeObject,
  { format, body, validation, type }: PatchRequest,
): KubeObject {
  const { kind } = op
  const ofTable = type ?? (kind.definition.custom ? undefined : typeNamed(kind.definition.type))
  const { object, strict, refuse } = patchObject({
    format,
    body,
    current: current as Record<string, unknown>,
    // A write to the status takes all else from the old object anyway.
    sharing: op.subresource?.name === 'status',
    ...(ofTable ? { type: ofTable } : { decode: (value: unknown) => kind.decode(value) }),
  })
  if (strict.length) {
    if (validation === 'Strict') throw refuse(strictMessage(strict))
    if (validation === 'Warn') for (const text of strict) op.warn(text)
  }
  const result = object as KubeObject
  const { custom } = kind.definition
  if (custom && !type) checkVersion(result, current, custom, refuse)
  else {
    // A strategic patch works on the Go type itself, whatever the patch calls it.
    if (format !== 'strategic') checkKind(result, current, refuse)
    if (current.kind !== undefined) Object.assign(result, { apiVersion: current.apiVersion, kind: current.kind })
  }
  ensureNamespace(result, kind.namespaced ? op.namespace : undefined)
  checkName(result, op.name, op.namespace)
  return result
}

/**
 * A custom resource may be written in any version that is served, and its own rules say what kind it has to be. Source:
 * ConvertToVersion in apiextensions-apiserver/pkg/apiserver/conversion.
 */
function checkVersion(
  result: KubeObject,
  current: KubeObject,
  { versions }: CustomFields,
  refuse: (reason: string) => Error,
): void {
  const { apiVersion = '', kind } = result
  if (typeof kind !== 'string' || !kind) throw refuse(`Object 'Kind' is missing in '${JSON.stringify(result)}'`)
  const own = current.apiVersion!
  if (apiVersion !== own && !versions(apiVersion)) {
    if (groupOf(apiVersion) === groupOf(own))
      throw refuse(`request to convert CR from an invalid group/version: ${apiVersion}`)
    const named = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`
    throw refuse(`${named}, Kind=${kind} is unstructured and is not suitable for converting to ${JSON.stringify(own)}`)
  }
  result.apiVersion = own
}

const groupOf = (apiVersion: string): string => apiVersion.slice(0, Math.max(apiVersion.indexOf('/'), 0))

/** The result is decoded as what it says it is. */
function checkKind(result: KubeObject, current: KubeObject, refuse: (reason: string) => Error): void {
  const [apiVersion, kind] = [result.apiVersion ?? current.apiVersion, result.kind ?? current.kind]
  if (apiVersion === current.apiVersion && kind === current.kind) return
  if (apiVersion !== current.apiVersion) {
    const names = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`
    throw refuse(`${names} in scheme "pkg/api/legacyscheme/scheme.go:30"`)
  }
  const [group = '', version = group] = (apiVersion ?? '').split('/')
  const internal = internalGroup(group === version ? '' : group)
  throw refuse(`converting (${version}.${kind}) to (${internal}.${current.kind}): unknown conversion`)
}
