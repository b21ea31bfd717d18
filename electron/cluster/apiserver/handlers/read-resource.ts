import type { ServedKind } from '../kinds/served-kind.ts'
import { listEntries } from '../storage/list.ts'
import { parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { notFound } from '#shared/kube/status.ts'
import { mustServe, noSuchMethod, noSuchResource, operationOf, type Answering, type ApiRequest } from './api-request.ts'
import { answerHeaders, type Answer } from './answer.ts'
import { contentTypes, mustStream } from './media.ts'
import { contextOf, type Core } from './operation.ts'
import { viewAnswer } from './outcome-answer.ts'
import { listOptions, parseResourceVersion, parseSelection } from './query-options.ts'
import { readEntry } from './read.ts'
import type { Entry } from '../../store/api.ts'
import { checkShape, showing, wantedOf } from './views.ts'
import { openWatch } from './watch.ts'
import { watchStream } from './watch-stream.ts'

/** Seconds. Source: apiserver's minRequestTimeout. */
const shortestWatch = 1800

export function serveGet(core: Core, request: ApiRequest, kind: ServedKind): Answering {
  const { info, query } = request
  if (!kind.verbs.has('get')) throw noSuchMethod()
  if (kind.namespaced && !info.namespace) throw noSuchResource()
  const wanted = wantedOf(request, kind)
  checkShape(wanted, false)
  const shown = showing(request, kind, core.clock, wanted)
  const visible = kind.visibleTo(request.user)
  const answer = (entry: Entry): Answer => {
    if (visible && !visible.shows(kind.object(entry))) throw notFound(kind.subject, info.name)
    return viewAnswer(200, shown.view.one(entry), shown)
  }
  const { virtual } = kind.definition
  if (virtual) {
    if (!virtual.get) throw noSuchMethod()
    return virtual
      .get(info.name, contextOf(core, operationOf(request, kind)))
      .then((object) => viewAnswer(200, shown.view.object(object), shown))
  }
  const revision = info.search ? parseResourceVersion(query.get('resourceVersion') ?? '') : undefined
  const entry = readEntry(core, kind, { namespace: info.namespace, name: info.name }, revision)
  return entry instanceof Promise ? entry.then(answer) : answer(entry)
}

export async function serveList(core: Core, request: ApiRequest, kind: ServedKind): Promise<Answer> {
  mustServe(kind, undefined, 'list')
  const { query } = request
  const wanted = wantedOf(request, kind)
  checkShape(wanted, true)
  const shown = showing(request, kind, core.clock, wanted)
  const op = operationOf(request, kind)
  const { virtual } = kind.definition
  if (virtual) {
    if (!virtual.list) throw noSuchMethod()
    const objects = await virtual.list(contextOf(core, op))
    const selection = parseSelection(query, kind)
    return viewAnswer(200, shown.view.objects(objects.filter((object) => kind.selects(selection, object))), shown)
  }
  const options = { ...listOptions(query, kind, op.namespace, false), visible: kind.visibleTo(op.user) }
  const page = await listEntries(kind, options, core.clock)
  return viewAnswer(200, await shown.view.list(page), shown)
}

export async function serveWatch(core: Core, request: ApiRequest, kind: ServedKind): Promise<undefined> {
  mustServe(kind, undefined, 'watch')
  const { query, exchange, info } = request
  const wanted = wantedOf(request, kind)
  mustStream(wanted)
  const { view } = showing(request, kind, core.clock, wanted)
  const { namespace, user } = operationOf(request, kind)
  const options = { ...listOptions(query, kind, namespace, true), visible: kind.visibleTo(user) }
  // Else clients that nobody closes would stay for ever, and all that began together would come back together.
  options.timeoutSeconds ||= shortestWatch * (1 + core.random.next())
  // The old form of watching one object: /watch/namespaces/x/pods/y.
  if (info.name) options.fields = [...options.fields, ...parseFieldSelector(`metadata.name=${info.name}`)]
  const contentType = view.format === 'json' ? contentTypes.json : `${contentTypes.protobuf};stream=watch`
  const begin = () => watchStream(exchange.stream(200, answerHeaders(contentType, request.warnings)), view)
  const session = await openWatch(kind, options, begin, core.clock)
  if (exchange.closed) session[Symbol.dispose]()
  else exchange.onClose(() => session[Symbol.dispose]())
  return undefined
}
