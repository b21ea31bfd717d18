import { badRequest } from '#shared/kube/status.ts'
import { DecodeError, decodeValue, parseJson, SyntaxFailure, typeMetaOf } from '../../schema/decode-json.ts'
import { decodeProtobuf, isProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { metaTypes, typeNamed } from '../../schema/table.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { mustServe, operationOf, type ApiRequest } from './api-request.ts'
import type { Answer } from './answer.ts'
import { deleteCollection } from './collection.ts'
import { deleteObject } from './delete.ts'
import { mediaTypeOf } from './media.ts'
import type { Core } from './operation.ts'
import { outcomeAnswer, viewAnswer } from './outcome-answer.ts'
import { deleteOptions, listOptions } from './query-options.ts'
import { showing } from './views.ts'
import { yamlToJson } from './yaml.ts'
import { requestBody } from './request-body.ts'

export async function serveDelete(core: Core, request: ApiRequest, kind: ServedKind): Promise<Answer> {
  mustServe(kind, undefined, 'delete')
  const { exchange, query } = request
  const shown = showing(request, kind, core.clock)
  const body = await requestBody(core, request)
  const options = deleteOptions(decodeOptions(body, exchange.header('content-type')), query)
  const op = operationOf(request, kind, { dryRun: options.dryRun, options: shownOptions(options) })
  return outcomeAnswer(await deleteObject(core, op, options.request), shown)
}

export async function serveDeleteCollection(core: Core, request: ApiRequest, kind: ServedKind): Promise<Answer> {
  mustServe(kind, undefined, 'deletecollection')
  const { exchange, query } = request
  const shown = showing(request, kind, core.clock)
  const selected = listOptions(query, kind, operationOf(request, kind).namespace, false)
  const body = await requestBody(core, request)
  const options = deleteOptions(decodeOptions(body, exchange.header('content-type')), query)
  const op = operationOf(request, kind, { dryRun: options.dryRun, options: shownOptions(options) })
  const page = await deleteCollection(core, op, selected, options.request)
  return viewAnswer(200, await shown.view.list(page), shown)
}

/** The options as admission is shown them. */
const shownOptions = ({ dryRun, request }: ReturnType<typeof deleteOptions>): Record<string, unknown> => ({
  kind: 'DeleteOptions',
  apiVersion: 'meta.k8s.io/v1',
  ...request,
  ...(dryRun && { dryRun: ['All'] }),
})

/** DeleteOptions of any version: all are one. */
function decodeOptions(body: Buffer, contentType: string | undefined): unknown {
  if (!body.length) return undefined
  const type = typeNamed(metaTypes.deleteOptions)
  try {
    if (isProtobuf(body)) return decodeProtobuf(type, openEnvelope(body)).object
    const value = parseJson(mediaTypeOf(contentType).endsWith('yaml') ? yamlToJson(body) : body.toString())
    const { kind } = typeMetaOf(value)
    if (kind && kind !== 'DeleteOptions') throw badRequest(`decoded object cannot be converted to DeleteOptions`)
    return decodeValue(type, value).object
  } catch (error) {
    if (error instanceof SyntaxFailure || error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
}
