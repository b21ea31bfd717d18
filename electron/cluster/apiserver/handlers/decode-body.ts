import type { KubeObject } from '#shared/kube/object.ts'
import { badRequest, unsupportedMediaType } from '#shared/kube/status.ts'
import {
  DecodeError,
  parseJson,
  strictMessage,
  summarizeBody,
  SyntaxFailure,
  typeMetaOf,
} from '../../schema/decode-json.ts'
import { decodeProtobuf, hasProtobuf, openEnvelope, protobufType } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import type { Decoded } from '../../schema/api.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import { mediaTypeOf } from './media.ts'
import type { FieldValidation } from './query-options.ts'
import { duplicateKeys, readYamlBody } from './yaml.ts'

export interface BodyKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Type in the schema table. */
  readonly type: string
  /** The kind is a custom resource: of it the table knows nothing. */
  readonly custom?: object
  /** `text` is the JSON that the value was parsed from. Throws DecodeError. */
  decode(value: unknown, text: string): Decoded
}

export interface BodyRequest {
  body: Buffer
  contentType: string | undefined
  expected: BodyKind
  validation: FieldValidation
  kinds: KindIndex
  warn(text: string): void
}

const knownOfCustom = 'application/json, application/yaml'
const known = `${knownOfCustom}, application/vnd.kubernetes.protobuf`

/** What a client sent as an object of the expected kind, not defaulted. Throws 400 and 415 in upstream's words. */
export function decodeBody(request: BodyRequest): KubeObject {
  const media = mediaTypeOf(request.contentType)
  const { custom, type } = request.expected
  const speaksProtobuf = !custom && hasProtobuf(typeNamed(type))
  if (media === protobufType && speaksProtobuf) return fromProtobuf(request)
  if (media !== '' && media !== 'application/json' && media !== 'application/yaml' && media !== 'text/yaml') {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${speaksProtobuf ? known : knownOfCustom}`,
    )
  }
  const { body, expected } = request
  let text: string
  let duplicates: readonly string[] = []
  let value: unknown
  let meta: { apiVersion: string; kind: string }
  try {
    if (media.endsWith('yaml')) ({ json: text, duplicates } = readYamlBody(body))
    else text = body.toString()
    value = parseJson(text)
    meta = typeMetaOf(value)
  } catch (error) {
    if (!(error instanceof SyntaxFailure || error instanceof DecodeError)) throw error
    const message = `json parse error: ${error.message}`
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): couldn't get version/kind; ${message} (${summarizeBody(body)})`,
    )
  }
  if (custom) checkCustom(expected, meta, text)
  const apiVersion = custom ? meta.apiVersion : checkKind(request, meta)
  const object = finish(request, apiVersion, () => expected.decode(value, text), duplicates)
  // Another kind than expected is found wrong by validation.
  if (custom) object.kind = meta.kind
  return object
}

function fromProtobuf(request: BodyRequest): KubeObject {
  const { body, expected } = request
  try {
    const envelope = openEnvelope(body)
    const apiVersion = checkKind(request, envelope)
    return finish(request, apiVersion, () => decodeProtobuf(typeNamed(expected.type), envelope))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): ${error.message} (${summarizeBody(body)})`,
    )
  }
}

/** `duplicates`: keys that stand twice in the YAML that the object came as. */
function finish(
  { expected, validation, warn }: BodyRequest,
  apiVersion: string,
  decode: () => Decoded,
  duplicates: readonly string[] = [],
): KubeObject {
  let decoded: Decoded
  try {
    decoded = decode()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw cannotHandle(expected, expected.kind, versionOf(apiVersion), error.message)
  }
  const { strict } = decoded
  if (validation === 'Strict' && (strict.length || duplicates.length)) {
    const all = duplicates.length ? [duplicateKeys(duplicates), ...strict] : strict
    throw cannotHandle(expected, expected.kind, versionOf(apiVersion), strictMessage(all))
  }
  if (validation === 'Warn') for (const text of [...duplicates, ...strict]) warn(text)
  const object = decoded.object as KubeObject
  object.apiVersion = apiVersion
  object.kind = expected.kind
  return object
}

/** A custom resource must say what it is. Nothing is known of kinds elsewhere. */
function checkCustom(expected: BodyKind, { apiVersion, kind }: { apiVersion: string; kind: string }, text: string) {
  const wanted = groupVersion(expected.group, expected.version)
  if (!kind) throw cannotHandle(expected, expected.kind, expected.version, `Object 'Kind' is missing in '${text}'`)
  if (apiVersion !== wanted)
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`)
}

/** What the body says it is must be what the URL wants; what it does not say is taken from there. */
function checkKind({ expected, kinds }: BodyRequest, meta: { apiVersion: string; kind: string }): string {
  const wanted = groupVersion(expected.group, expected.version)
  const apiVersion = meta.apiVersion || wanted
  const kind = meta.kind || expected.kind
  if (apiVersion === wanted && kind === expected.kind) return apiVersion
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  const version = apiVersion.slice(slash + 1)
  const other = kinds.ofKind(group, version, kind)
  if (!other || other.definition.custom) {
    throw cannotHandle(
      expected,
      kind,
      version,
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    )
  }
  if (kind === expected.kind && group === expected.group) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`)
  }
  throw cannotHandle(
    expected,
    kind,
    version,
    `converting (${version}.${kind}) to (${internalGroup(expected.group)}.${expected.kind}): unknown conversion`,
  )
}

const cannotHandle = (expected: BodyKind, kind: string, version: string, why: string) =>
  badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ${why}`)

const groupVersion = (group: string, version: string): string => (group ? `${group}/${version}` : version)
const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf('/') + 1)
/** The Go package of a group's internal types. */
export const internalGroup = (group: string): string => (group ? group.split('.')[0]! : 'core')
