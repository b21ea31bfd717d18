import type { KubeObject } from '#shared/kube/object.ts'
import { conflict, invalid, type StatusError } from '#shared/kube/status.ts'
import { convertValue, decodeValue } from '../../schema/decode-json.ts'
import { entriesAfterScale, entriesOfScale } from '../../schema/managed-fields/scale.ts'
import { metaTypes, typeNamed } from '../../schema/table.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { ensureNamespace } from '../metadata/system-fields.ts'
import type { Subresource } from '../registry/kind.ts'
import { cloneObject } from '../storage/codec.ts'
import { modified } from '../storage/errors.ts'
import { admitMutating, admitValidating } from './admit.ts'
import {
  mustServe,
  noSuchMethod,
  noSuchResource,
  operationOf,
  type Answering,
  type ApiRequest,
  type Connector,
} from './api-request.ts'
import { objectAnswer, rewrite, type Answer, type Writing } from './answer.ts'
import { decodeBody, type BodyKind } from './decode-body.ts'
import { applier } from './apply.ts'
import { admitConnect } from './connect.ts'
import { accepted, contentTypes, mediaTypeOf } from './media.ts'
import { viewContext } from './managed-fields.ts'
import { contextOf, type Core, type Operation, type Outcome } from './operation.ts'
import { patched, patchFormat } from './patch.ts'
import { writeOptions } from './query-options.ts'
import { readEntry } from './read.ts'
import { serveGet } from './read-resource.ts'
import { objectTable } from './table.ts'
import { updateObject } from './update.ts'
import { checkShape, wantedOf } from './views.ts'
import { servePatch, serveUpdate, writeOperation } from './write-resource.ts'
import { requestBody } from './request-body.ts'

/** Routes a request for part of an object, or for what can be done with one. */
export function serveSubresource(
  core: Core,
  connectors: ReadonlyMap<string, Connector>,
  request: ApiRequest,
  kind: ServedKind,
): Answering {
  const { info } = request
  const subresource = kind.subresources.get(info.subresource)
  if (!subresource || (kind.namespaced && !info.namespace)) throw noSuchResource()
  if (subresource.connect !== undefined) {
    const connector = connectors.get(subresource.connect)
    if (!connector) throw noSuchResource()
    // No verb stands for OPTIONS, which proxies pass on too.
    if (subresource.connect !== 'proxy' || request.exchange.method !== 'OPTIONS')
      mustServe(kind, subresource, info.verb)
    const op = operationOf(request, kind, { subresource })
    // Logs are read, all other streams are connected to.
    if (subresource.connect === 'log') return connector(request, op)
    return admitConnect(core, op, request.query).then((query) => connector({ ...request, query }, op))
  }
  if (subresource.action) return serveAction(core, request, kind, subresource)
  mustServe(kind, subresource, info.verb)
  if (subresource.view) return serveView(core, request, kind, subresource)
  switch (info.verb) {
    case 'get':
      return serveGet(core, request, kind)
    case 'update':
      return serveUpdate(core, request, kind, subresource)
    case 'patch':
      return servePatch(core, request, kind, subresource)
    default:
      throw noSuchMethod()
  }
}

function bodyKindOf(kind: ServedKind, subresource: Subresource): BodyKind {
  const type = subresource.type ?? kind.definition.type
  return {
    group: subresource.group ?? kind.definition.group,
    version: subresource.version ?? kind.definition.version,
    kind: subresource.kind,
    type,
    decode: (value, text) => decodeValue(typeNamed(type), value, text),
  }
}

/** What actions answer with is a built-in type, of whatever kind they are a part, and never a table. Throws 406. */
const writingOf = ({ exchange, writing }: ApiRequest): Writing => ({
  ...writing,
  format: accepted(exchange.header('accept'), { hasProtobuf: true, hasTable: false }).format,
})

/** binding, eviction, token. */
async function serveAction(
  core: Core,
  request: ApiRequest,
  kind: ServedKind,
  subresource: Subresource,
): Promise<Answer> {
  mustServe(kind, subresource, request.info.verb)
  const { exchange, query } = request
  const writing = writingOf(request)
  const options = writeOptions(query, 'CreateOptions')
  const op = writeOperation(request, kind, subresource, options)
  const body = await requestBody(core, request)
  const expected = bodyKindOf(kind, subresource)
  const input = decodeBody({
    body,
    contentType: exchange.header('content-type'),
    expected,
    validation: options.fieldValidation,
    kinds: core.kinds,
    warn: op.warn,
  })
  return objectAnswer(201, await runAction(core, op, input), expected.type, writing)
}

/** The effects of a POST to a subresource; `input` is the caller's own. */
export async function runAction(core: Core, op: Operation, input: KubeObject): Promise<KubeObject> {
  ensureNamespace(input, op.namespace)
  await admitMutating(core, op, { operation: 'CREATE', object: input, old: undefined })
  await admitValidating(core, op, { operation: 'CREATE', object: input, old: undefined })
  const { kind, subresource, namespace, name } = op
  const stored = () => (core.wrote && kind.stored ? kind.objects.get(kind.objects.keyOf(namespace, name)) : undefined)
  const before = stored()?.revision
  const answer = await subresource!.action!(input, { namespace, name }, core.services, contextOf(core, op))
  const entry = stored()
  // Not every action writes: a token is only made.
  if (entry && entry.revision !== before && !op.dryRun)
    core.wrote!({
      op,
      action: subresource!.name,
      old: undefined,
      object: kind.object(entry),
      revision: entry.revision,
      input,
    })
  return answer
}

/** scale: another shape of the object. */
async function serveView(core: Core, request: ApiRequest, kind: ServedKind, subresource: Subresource): Promise<Answer> {
  const { namespace, name, verb } = request.info
  const wanted = wantedOf(request, { hasProtobuf: true, hasTable: true })
  checkShape(wanted, false)
  const object =
    verb === 'get'
      ? kind.object(await readEntry(core, kind, { namespace, name }))
      : objectOf(kind, await writeView(core, request, kind, subresource))
  const { read, columns } = subresource.view!
  const shown = read(object)
  const writing = { ...request.writing, format: wanted.format }
  const { as, version } = wanted
  if (as === 'Table') {
    const includeObject = verb === 'get' ? request.query.get('includeObject') : null
    const body = objectTable(columns, shown, { version, includeObject, clock: core.clock })
    return rewrite({ status: 200, contentType: contentTypes.json, body }, writing)
  }
  if (as) {
    const partial = { kind: as, apiVersion: `meta.k8s.io/${version}`, metadata: shown.metadata! }
    return objectAnswer(200, partial, metaTypes.partialObjectMetadata, writing)
  }
  return objectAnswer(200, shown, bodyKindOf(kind, subresource).type, writing)
}

async function writeView(
  core: Core,
  request: ApiRequest,
  kind: ServedKind,
  subresource: Subresource,
): Promise<Outcome> {
  const { info, exchange, query } = request
  const contentType = exchange.header('content-type')
  const format = info.verb === 'patch' ? patchFormat(mediaTypeOf(contentType), !kind.definition.custom) : undefined
  const options = writeOptions(query, format ? 'PatchOptions' : 'UpdateOptions', format === 'apply')
  const op = writeOperation(request, kind, subresource, options)
  const body = await requestBody(core, request)
  const expected = bodyKindOf(kind, subresource)
  const type = typeNamed(expected.type)
  const { fieldValidation: validation } = options
  if (format === 'apply') {
    const applied = {
      context: viewContext(op),
      kind: expected.kind,
      convert: (value: unknown) => convertValue(type, value),
    }
    return applyView(core, op, applier(op, applied, body, options))
  }
  const { kinds } = core
  const { warn } = op
  return updateView(core, op, (old) =>
    format
      ? patched(op, subresource.view!.read(old), { format, body, validation, type })
      : decodeBody({ body, contentType, expected, validation, kinds, warn }),
  )
}

/** Writes through a view of the object: `asked` makes the wanted view from the old object. */
export const updateView = (core: Core, op: Operation, asked: (old: KubeObject) => KubeObject): Promise<Outcome> =>
  updateObject(core, op, { produce: (old) => old && written(core, op, old, asked(old)) })

/** Server-side apply through a view: `apply` makes the wanted view from the old one, managedFields and all. */
function applyView(core: Core, op: Operation, apply: (live: KubeObject) => KubeObject): Promise<Outcome> {
  const { read, replicas } = op.subresource!.view!
  const produce = (old: KubeObject | undefined): KubeObject | undefined => {
    if (!old) return undefined
    const { managedFields } = old.metadata!
    const live = read(old)
    metadataOf(live).managedFields = entriesOfScale(managedFields, replicas)
    const wanted = apply(live)
    const object = written(core, op, old, wanted)
    const { managedFields: owners } = wanted.metadata!
    metadataOf(object).managedFields = entriesAfterScale(managedFields, owners, op.kind.apiVersion, replicas)
    return object
  }
  return updateObject(core, op, { produce, managed: true })
}

/** The object as the wanted view asks. */
function written(core: Core, op: Operation, old: KubeObject, wanted: KubeObject): KubeObject {
  const { kind } = op
  const subresource = op.subresource!
  const { resourceVersion, uid } = wanted.metadata ?? {}
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== old.metadata!.resourceVersion)
    throw conflict(kind.subject, op.name, modified)
  if (uid && uid !== old.metadata!.uid) throw conflict(kind.subject, op.name, modified)
  const object = cloneObject(old)
  const errors = subresource.view!.write(object, wanted, contextOf(core, op))
  if (errors.length) throw invalidView(subresource, op.name, errors)
  return object
}

const invalidView = (subresource: Subresource, name: string, errors: Parameters<typeof invalid>[2]): StatusError =>
  invalid({ group: subresource.group ?? '', kind: subresource.kind }, name, errors)

/** The whole object that a write came to. */
export function objectOf(kind: ServedKind, outcome: Outcome): KubeObject {
  if ('entry' in outcome) return kind.object(outcome.entry)
  if ('object' in outcome) return outcome.object
  throw new Error('the write answered with a status')
}
