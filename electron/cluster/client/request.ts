import type { KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, resourcePath, type ResourceType } from '#shared/kube/resources.ts'
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectKey,
  PatchType,
  WatchOptions,
  WriteOptions,
} from './api.ts'
import type { Request } from './https-transport.ts'

const patchTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** What each call of a KubeClient is on the wire: for who sends it, and for who writes down that it was made. */
export const requests = {
  get: (
    type: ResourceType,
    key: ObjectKey,
    { resourceVersion, subresource, query: more }: GetOptions = {},
  ): Request => ({
    method: 'GET',
    path: resourcePath(type, { ...key, subresource }) + query({ resourceVersion, ...more }),
  }),
  list: (type: ResourceType, options: ListOptions = {}): Request => ({
    method: 'GET',
    path: resourcePath(type, { namespace: options.namespace }) + listQuery(options),
  }),
  watch: (type: ResourceType, options: WatchOptions): Request => ({
    method: 'GET',
    path: resourcePath(type, { namespace: options.namespace }) + listQuery(options, true),
  }),
  create: (type: ResourceType, object: KubeObject, options: CreateOptions = {}): Request => ({
    method: 'POST',
    path: resourcePath(type, { namespace: object.metadata?.namespace ?? options.namespace }) + writeQuery(options),
    body: withKind(type, object),
  }),
  update(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Request {
    const { namespace, name = '' } = object.metadata ?? {}
    const path = resourcePath(type, { namespace, name, subresource: options.subresource }) + writeQuery(options)
    return { method: 'PUT', path, body: withKind(type, object) }
  },
  patch: (
    type: ResourceType,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Request => ({
    method: 'PATCH',
    path: resourcePath(type, { ...key, subresource: options.subresource }) + writeQuery(options),
    body,
    contentType: patchTypes[patch],
    unread: options.unread,
  }),
  delete: (type: ResourceType, key: ObjectKey, { cause: _cause, ...options }: DeleteOptions = {}): Request => ({
    method: 'DELETE',
    path: resourcePath(type, key),
    body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
    unread: true,
  }),
  post: (type: ResourceType, key: ObjectKey, subresource: string, body: KubeObject): Request => ({
    method: 'POST',
    path: resourcePath(type, { ...key, subresource }),
    body,
  }),
}

/** The query of a list, or of a watch; '' for none. */
const listQuery = (options: Partial<WatchOptions>, watch = false): string =>
  query({
    watch: watch || undefined,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
    limit: options.limit,
    continue: options.continue,
    allowWatchBookmarks: options.allowBookmarks,
    sendInitialEvents: options.sendInitialEvents,
    timeoutSeconds: options.timeoutSeconds,
  })

const writeQuery = ({ fieldManager, force, dryRun }: WriteOptions): string =>
  query({ fieldManager, force, dryRun: dryRun ? 'All' : undefined })

/** With its question mark; what is undefined is left out. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return pairs.length ? `?${pairs.join('&')}` : ''
}

/** The object, saying what it is. */
const withKind = <T extends KubeObject>(type: ResourceType<T>, object: T): T =>
  object.kind && object.apiVersion ? object : { ...object, apiVersion: apiVersionOf(type), kind: type.kind }
