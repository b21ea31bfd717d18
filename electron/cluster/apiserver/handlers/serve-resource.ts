import type { Core } from './operation.ts'
import { noSuchMethod, noSuchResource, type Answering, type ApiRequest, type Connector } from './api-request.ts'
import { serveDelete, serveDeleteCollection } from './delete-resource.ts'
import { serveGet, serveList, serveWatch } from './read-resource.ts'
import { serveSubresource } from './serve-subresource.ts'
import { serveCreate, servePatch, serveUpdate } from './write-resource.ts'

/** Routes a request for a resource by its verb. */
export function serveResource(core: Core, connectors: ReadonlyMap<string, Connector>, request: ApiRequest): Answering {
  const { info } = request
  const kind = core.kinds.find(info.group, info.version, info.resource)
  if (!kind) throw noSuchResource()
  if (!kind.namespaced && info.namespace !== '' && info.resource !== 'namespaces') throw noSuchResource()
  const { deprecation } = kind.definition
  if (deprecation) request.warnings.push(deprecation)
  if (info.subresource) return serveSubresource(core, connectors, request, kind)
  switch (info.verb) {
    case 'get':
      return serveGet(core, request, kind)
    case 'list':
      return serveList(core, request, kind)
    case 'watch':
      return serveWatch(core, request, kind)
    case 'create':
      return serveCreate(core, request, kind)
    case 'update':
      return serveUpdate(core, request, kind)
    case 'patch':
      return servePatch(core, request, kind)
    case 'delete':
      return serveDelete(core, request, kind)
    case 'deletecollection':
      return serveDeleteCollection(core, request, kind)
    default:
      throw noSuchMethod()
  }
}
