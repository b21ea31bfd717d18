import { exactField, parseFieldSelector, type FieldSelector } from '#shared/kube/field-selectors.ts'
import { parseSelector, SelectorError } from '#shared/kube/selectors.ts'
import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { RequestInfo } from './request-info.ts'

/** What the request is about, for authorizers. Source: apiserver/pkg/endpoints/filters/authorization.go. */
export function attributesOf(info: RequestInfo, user: UserInfo): Attributes {
  const { isResource, verb, group, version, resource, subresource, namespace, name, path } = info
  const plain = { user, verb, isResource, group, version, resource, subresource, namespace, name, path }
  const isSelecting = verb === 'list' || verb === 'watch' || verb === 'deletecollection'
  return isSelecting && info.search.includes('Selector=') ? { ...plain, ...selectorsOf(info.search, name) } : plain
}

/** A list of the one object of a name is about that object. */
function selectorsOf(search: string, name: string): Partial<Attributes> {
  const query = new URLSearchParams(search)
  const fieldSelector = readable<FieldSelector>(() => parseFieldSelector(query.get('fieldSelector') ?? ''))
  const labelSelector = readable(() => parseSelector(query.get('labelSelector') ?? ''))
  return {
    name: name || (fieldSelector && exactField(fieldSelector, 'metadata.name')) || '',
    ...(fieldSelector?.length ? { fieldSelector } : {}),
    ...(labelSelector?.length ? { labelSelector } : {}),
  }
}

/** What cannot be read is refused by the handler, not here. */
function readable<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SelectorError) return undefined
    throw error
  }
}
