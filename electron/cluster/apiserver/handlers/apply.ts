import type { KubeObject } from '#shared/kube/object.ts'
import { badRequest, unsupportedMediaType } from '#shared/kube/status.ts'
import type { Decoded } from '../../schema/api.ts'
import { DecodeError, parseJson, strictMessage, SyntaxFailure } from '../../schema/decode-json.ts'
import { countParsedKeys, countWrittenKeys } from '../../schema/json/duplicates.ts'
import { describeConfiguration, describeKind } from '../../schema/managed-fields/describe.ts'
import { applyConfiguration, type TrackContext } from '../../schema/managed-fields/track.ts'
import { unexplained } from '../../schema/patch/patch-object.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { checkName, ensureNamespace } from '../metadata/system-fields.ts'
import { trackContext } from './managed-fields.ts'
import type { Core, Operation, Outcome } from './operation.ts'
import type { WriteOptions } from './query-options.ts'
import { updateObject } from './update.ts'
import { largeYaml } from './request-body.ts'
import { readYaml } from './yaml-text.ts'
import { duplicateKeys, readYamlBody } from './yaml.ts'

/** Server-side apply: the object is made, or brought to what its applier wants of it. */
export async function applyPatch(core: Core, op: Operation, body: Buffer, options: WriteOptions): Promise<Outcome> {
  const context = trackContext(core, op)
  if (!context) throw unsupportedMediaType('server-side apply is not supported for this kind')
  const { kind } = op
  const apply = applier(op, { context, kind: kind.kind, convert: (value) => kind.convert(value) }, body, options)
  const produce = (old: KubeObject | undefined): KubeObject | undefined => {
    if (!old && op.subresource) return undefined
    const object = apply(old)
    kind.strategy.setDefaults(object)
    return object
  }
  return updateObject(core, op, { produce, managed: true, create: true })
}

/** What a configuration is of: an object, or a view of one. */
export interface Applied {
  readonly context: TrackContext
  readonly kind: string
  /** Throws DecodeError. */
  convert(value: unknown): Decoded
}

/** What makes of a live object the applied one, not defaulted, with its managedFields. Throws 400 for a body that cannot be read. */
export function applier(
  op: Operation,
  applied: Applied,
  body: Buffer,
  options: WriteOptions,
): (live: KubeObject | undefined) => KubeObject {
  const { config, duplicates } = parseConfiguration(body)
  if (options.fieldValidation === 'Warn') for (const text of duplicates) op.warn(text)
  return (live) => {
    checkType(config, applied)
    const { object: merged, managedFields } = applyConfiguration({
      ...applied.context,
      live: live as Record<string, unknown> | undefined,
      config,
      force: options.force,
    })
    if (options.fieldValidation === 'Strict' && duplicates.length) {
      const why = `error converting YAML to JSON: ${duplicateKeys(duplicates)}`
      throw badRequest(`error strict decoding YAML: ${why}`)
    }
    const object = convertMerged(applied, config, merged, options)
    const metadata = metadataOf(object)
    if (managedFields.length) metadata.managedFields = managedFields
    else delete metadata.managedFields
    ensureNamespace(object, op.namespace)
    checkName(object, op.name, op.namespace)
    return object
  }
}

/** Source: versionCheckManager. */
function checkType(config: Record<string, unknown>, { context, kind }: Applied): void {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  const [apiVersion, own] = [text(config['apiVersion']), text(config['kind'])]
  if (apiVersion === context.apiVersion && own === kind) return
  throw badRequest(`invalid object type: ${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${own}`)
}

interface Configuration {
  readonly config: Record<string, unknown>
  /** Keys that stand twice in it. */
  readonly duplicates: readonly string[]
}

/** The configuration as it was written; JSON is YAML too, and read faster. */
function parseConfiguration(body: Buffer): Configuration {
  const isJson = body[0] === 0x7b
  const { json, duplicates } = isJson ? { json: body.toString(), duplicates: [] } : readYamlBody(body)
  try {
    const config = parseJson(json)
    if (config !== null && typeof config === 'object' && !Array.isArray(config)) {
      // Which line is known to who reads it as YAML, which takes its time: for few clients write a key twice.
      const twice = isJson && body.length < largeYaml && countWrittenKeys(json) !== countParsedKeys(config)
      return {
        config: config as Record<string, unknown>,
        duplicates: twice ? readYaml(json).duplicates : duplicates,
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error
    throw badRequest(`error decoding YAML: ${error.message}`)
  }
  throw badRequest('error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}')
}

function convertMerged(
  { context: { apiVersion }, kind, convert }: Applied,
  config: Record<string, unknown>,
  merged: Record<string, unknown>,
  { fieldValidation }: WriteOptions,
): KubeObject {
  try {
    const { object, strict } = convert(merged)
    if (strict.length && fieldValidation === 'Strict') throw badRequest(strictMessage(strict))
    const converted = object as KubeObject
    converted.apiVersion = apiVersion
    converted.kind = kind
    return converted
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const named = describeConfiguration(config, apiVersion)
    throw unexplained(
      `failed to convert new object (${named}) to proper version: unable to convert unstructured object to ${describeKind(config, apiVersion)}: ${error.message}`,
    )
  }
}
