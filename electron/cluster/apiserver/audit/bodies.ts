import { parseExactly } from '../../schema/json/exact.ts'
import { decodeProtobuf, isProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { isLargeYaml } from '../handlers/request-body.ts'
import { yamlToJson } from '../handlers/yaml.ts'

/** The name in the schema table of a kind's type. */
export type TypeOf = (apiVersion: string, kind: string) => string | undefined

/** What a body says, for the log; of what cannot be decoded, or takes long, only that it was there. */
export function readable(body: Buffer | undefined, contentType: string | undefined, typeOf: TypeOf): unknown {
  if (!body?.length) return undefined
  const media = contentType ?? 'application/json'
  try {
    if (isProtobuf(body)) return fromProtobuf(body, typeOf)
    if (media.includes('yaml') && !isLargeYaml(body, media)) return parseExactly(yamlToJson(body))
    if (media.includes('json')) return parseExactly(body.toString())
  } catch {
    // What cannot be read is refused by the handler.
    return undefined
  }
  return { kind: 'Unknown', apiVersion: 'v1', contentType: media }
}

function fromProtobuf(body: Buffer, typeOf: TypeOf): unknown {
  const envelope = openEnvelope(body)
  const { apiVersion, kind, contentType, raw } = envelope
  if (contentType.includes('json')) return JSON.parse(raw.toString()) as unknown
  const type = typeOf(apiVersion, kind)
  return type ? { kind, apiVersion, ...decodeProtobuf(typeNamed(type), envelope).object } : { kind, apiVersion }
}

/** The same object, or list of objects, without the record of who set what. */
export function withoutManagedFields(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const { metadata, items, ...rest } = value as { metadata?: Record<string, unknown>; items?: unknown }
  const { managedFields, ...kept } = metadata ?? {}
  void managedFields
  return {
    ...rest,
    ...(metadata ? { metadata: kept } : {}),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : items === undefined ? {} : { items }),
  }
}
