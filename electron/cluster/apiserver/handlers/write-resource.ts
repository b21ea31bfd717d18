import type { KubeObject } from '#shared/kube/object.ts'
import { isTrue } from '../filters/request-info.ts'
import { checkName, ensureNamespace } from '../metadata/system-fields.ts'
import { managerOf, mustServe, noSuchMethod, operationOf, type ApiRequest } from './api-request.ts'
import type { Answer } from './answer.ts'
import { applyPatch } from './apply.ts'
import { createObject } from './create.ts'
import { decodeBody, type BodyKind } from './decode-body.ts'
import { mediaTypeOf } from './media.ts'
import type { Core, Operation } from './operation.ts'
import { outcomeAnswer } from './outcome-answer.ts'
import { patched, patchFormat } from './patch.ts'
import { writeOptions, type FieldValidation, type WriteOptions } from './query-options.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { Subresource } from '../registry/kind.ts'
import { updateObject } from './update.ts'
import { showing } from './views.ts'
import { requestBody } from './request-body.ts'

export const bodyKindOf = (kind: ServedKind): BodyKind => ({
  ...kind.definition,
  decode: (value, text) => kind.decode(value, text),
})

/** Decodes and defaults. */
export function decodeFor(
  core: Core,
  request: ApiRequest,
  kind: ServedKind,
  body: Buffer,
  validation: FieldValidation,
  warn: (text: string) => void,
): KubeObject {
  const contentType = request.exchange.header('content-type')
  const object = decodeBody({ body, contentType, expected: bodyKindOf(kind), validation, kinds: core.kinds, warn })
  kind.strategy.setDefaults(object)
  return object
}

export async function serveCreate(core: Core, request: ApiRequest, kind: ServedKind): Promise<Answer> {
  mustServe(kind, undefined, 'create')
  if (request.info.name || (kind.namespaced && !request.info.namespace)) throw noSuchMethod()
  const shown = showing(request, kind, core.clock)
  const options = writeOptions(request.query, 'CreateOptions')
  const op = writeOperation(request, kind, undefined, options)
  const body = await requestBody(core, request)
  const object = decodeFor(core, request, kind, body, options.fieldValidation, op.warn)
  return outcomeAnswer(await createObject(core, op, object), shown)
}

export async function serveUpdate(
  core: Core,
  request: ApiRequest,
  kind: ServedKind,
  subresource?: Subresource,
): Promise<Answer> {
  mustServe(kind, subresource, 'update')
  if (!request.info.name) throw noSuchMethod()
  const shown = showing(request, kind, core.clock)
  const options = writeOptions(request.query, 'UpdateOptions')
  const op = writeOperation(request, kind, subresource, options)
  const body = await requestBody(core, request)
  const decode = (warn: (text: string) => void) => {
    const object = decodeFor(core, request, kind, body, options.fieldValidation, warn)
    checkName(object, op.name, op.namespace)
    ensureNamespace(object, op.namespace)
    return object
  }
  let decoded: KubeObject | undefined = decode(op.warn)
  const produce = () => {
    // Each attempt changes its object, so that the next one needs a new one.
    const object = decoded ?? decode(() => {})
    decoded = undefined
    return object
  }
  return outcomeAnswer(await updateObject(core, op, { produce }), shown)
}

export async function servePatch(
  core: Core,
  request: ApiRequest,
  kind: ServedKind,
  subresource?: Subresource,
): Promise<Answer> {
  mustServe(kind, subresource, 'patch')
  if (!request.info.name) throw noSuchMethod()
  const format = patchFormat(mediaTypeOf(request.exchange.header('content-type')), !kind.definition.custom)
  const shown = showing(request, kind, core.clock)
  const options = writeOptions(request.query, 'PatchOptions', format === 'apply')
  const op = writeOperation(request, kind, subresource, options)
  const body = await requestBody(core, request)
  if (format === 'apply') {
    return outcomeAnswer(await applyPatch(core, op, body, options), shown)
  }
  const produce = (old: KubeObject | undefined) => {
    if (!old) return undefined
    const object = patched(op, old, { format, body, validation: options.fieldValidation })
    kind.strategy.setDefaults(object)
    return object
  }
  return outcomeAnswer(await updateObject(core, op, { produce }), shown)
}

export function writeOperation(
  request: ApiRequest,
  kind: ServedKind,
  subresource: Subresource | undefined,
  options: Pick<WriteOptions, 'kind' | 'dryRun' | 'fieldManager'>,
): Operation {
  const manager = managerOf(request.exchange.header('user-agent'), options.fieldManager)
  const { query } = request
  const validation = query.get('fieldValidation')
  const shown = {
    kind: options.kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(options.dryRun && { dryRun: query.getAll('dryRun') }),
    ...(query.has('force') && { force: isTrue(query.get('force')) }),
    ...(options.fieldManager && { fieldManager: options.fieldManager }),
    ...(validation && { fieldValidation: validation }),
  }
  return operationOf(request, kind, { subresource, dryRun: options.dryRun, manager, options: shown })
}
