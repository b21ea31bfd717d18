/** What a URL asks for. Source: apiserver/pkg/endpoints/request/requestinfo.go. */
export interface RequestInfo {
  readonly path: string
  /** As sent, without the question mark; '' for none. */
  readonly search: string
  /** True for /api/… and /apis/…/… with a resource. */
  readonly isResource: boolean
  /** get, list, watch, create, update, patch, delete, deletecollection; the lower-case method for other paths. */
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** What follows the subresource: the path that a proxy passes on. */
  readonly rest: readonly string[]
}

const methodVerbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

export function requestInfo(method: string, target: string): RequestInfo {
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  const search = question < 0 ? '' : target.slice(question + 1)
  const parts = path.split('/').filter((part) => part !== '')
  const plain: RequestInfo = {
    path,
    search,
    isResource: false,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: [],
  }
  const root = parts[0]
  if (root !== 'api' && root !== 'apis') return plain
  const grouped = root === 'apis'
  if (parts.length < (grouped ? 4 : 3)) return plain
  const group = grouped ? parts[1]! : ''
  const version = parts[grouped ? 2 : 1]!
  let at = grouped ? 3 : 2
  let verb = methodVerbs[method] ?? ''
  // The old form of watches: /api/v1/watch/pods.
  if (parts[at] === 'watch' && parts.length > at + 1) {
    verb = 'watch'
    at++
  }
  let segments = parts.slice(at)
  if (path.includes('%')) segments = segments.map(decode)
  let namespace = ''
  if (segments[0] === 'namespaces') {
    if (segments.length > 1) {
      namespace = segments[1]!
      // /namespaces/x/status and /finalize are of the namespace itself.
      if (segments.length > 2 && segments[2] !== 'status' && segments[2] !== 'finalize') segments = segments.slice(2)
    }
  }
  const [resource = '', name = '', subresource = ''] = segments
  if (name === '' && verb === 'get') verb = isWatch(search) ? 'watch' : 'list'
  if (name === '' && verb === 'delete') verb = 'deletecollection'
  return {
    path,
    search,
    isResource: true,
    verb,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    rest: segments.slice(3),
  }
}

function isWatch(search: string): boolean {
  if (!search.includes('watch')) return false
  return isTrue(new URLSearchParams(search).get('watch'))
}

/** A boolean of a query: present means true, unless it says otherwise. */
export const isTrue = (value: string | null | undefined): boolean =>
  value !== null && value !== undefined && value.toLowerCase() !== 'false' && value !== '0'

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
