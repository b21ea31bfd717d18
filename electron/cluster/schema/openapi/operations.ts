import { metaTypes } from '../table.ts'
import type { GroupVersionKind, ServedKind, ServedSubresource } from './api.ts'
import { parameters, type Parameter } from './parameters.ts'
import { patchType } from './schemas.ts'

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch'

/** One method of one path, free of the dialect in which it will be published. */
export interface Operation {
  readonly path: string
  readonly method: Method
  readonly action: 'list' | 'get' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection' | 'connect'
  readonly id: string
  readonly description: string
  readonly tag: string
  readonly kind: GroupVersionKind
  readonly pathParameters: readonly Parameter[]
  readonly query: readonly Parameter[]
  readonly body?: { readonly type: string; readonly mediaTypes: readonly string[]; readonly required: boolean }
  /** Type of the answer; undefined for text. */
  readonly answer?: string
  readonly codes: readonly number[]
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const patchMediaTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]

export const listTypeOf = (kind: ServedKind): string => `${kind.type}List`

export function operationsOf(kind: ServedKind): Operation[] {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const collection = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`
  const scope = kind.namespaced ? [parameters.namespace] : []
  const item = [...scope, parameters.name(kind.kind)]
  const verbs = new Set(kind.verbs ?? allVerbs)
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind }
  const title = groupTitle(kind.group)
  const version = kind.version[0]!.toUpperCase() + kind.version.slice(1)
  const scoped = kind.namespaced ? 'Namespaced' : ''
  const base = { tag: `${title[0]!.toLowerCase()}${title.slice(1)}_${kind.version}`, kind: gvk }
  const id = (verb: string, what: string) => `${verb}${title}${version}${what}`
  const operations: Operation[] = []
  const body = (type: string) => ({ type, mediaTypes: ['*/*'], required: true })
  const patchBody = {
    type: patchType,
    mediaTypes: kind.schema ? patchMediaTypes.slice(0, 3) : patchMediaTypes,
    required: true,
  }
  const deleteBody = { type: metaTypes.deleteOptions, mediaTypes: ['*/*'], required: false }

  if (verbs.has('list')) {
    const listing = {
      ...base,
      method: 'get',
      action: 'list',
      description: `list or watch objects of kind ${kind.kind}`,
      query: parameters.list,
      answer: listTypeOf(kind),
      codes: [200],
    } as const
    operations.push({ ...listing, path: collection, id: id('list', `${scoped}${kind.kind}`), pathParameters: scope })
    if (kind.namespaced)
      operations.push({
        ...listing,
        path: `${root}/${kind.plural}`,
        id: id('list', `${kind.kind}ForAllNamespaces`),
        pathParameters: [],
      })
  }
  if (verbs.has('create'))
    operations.push({
      ...base,
      path: collection,
      method: 'post',
      action: 'post',
      id: id('create', `${scoped}${kind.kind}`),
      description: `create ${article(kind.kind)}`,
      pathParameters: scope,
      query: parameters.write,
      body: body(kind.type),
      answer: kind.type,
      codes: [200, 201, 202],
    })
  if (verbs.has('deletecollection'))
    operations.push({
      ...base,
      path: collection,
      method: 'delete',
      action: 'deletecollection',
      id: id('delete', `Collection${scoped}${kind.kind}`),
      description: `delete collection of ${kind.kind}`,
      pathParameters: scope,
      query: parameters.deleteCollection,
      body: deleteBody,
      answer: metaTypes.status,
      codes: [200],
    })

  const single = (
    path: string,
    name: string,
    type: string,
    of: Set<string>,
    what: string,
    target: GroupVersionKind,
  ) => {
    const common = { ...base, path, kind: target, pathParameters: item }
    const suffix = `${scoped}${kind.kind}${name}`
    if (of.has('get'))
      operations.push({
        ...common,
        method: 'get',
        action: 'get',
        id: id('read', suffix),
        description: `read ${what} specified ${kind.kind}`,
        query: [],
        answer: type,
        codes: [200],
      })
    if (of.has('update'))
      operations.push({
        ...common,
        method: 'put',
        action: 'put',
        id: id('replace', suffix),
        description: `replace ${what} specified ${kind.kind}`,
        query: parameters.write,
        body: body(type),
        answer: type,
        codes: [200, 201],
      })
    if (of.has('create') && name)
      operations.push({
        ...common,
        method: 'post',
        action: 'post',
        id: id('create', suffix),
        description: `create ${what} ${kind.kind}`,
        query: parameters.write,
        body: body(type),
        answer: type,
        codes: [200, 201, 202],
      })
    if (of.has('delete'))
      operations.push({
        ...common,
        method: 'delete',
        action: 'delete',
        id: id('delete', suffix),
        description: `delete ${article(kind.kind)}`,
        query: parameters.delete,
        body: deleteBody,
        answer: metaTypes.status,
        codes: [200, 202],
      })
    if (of.has('patch'))
      operations.push({
        ...common,
        method: 'patch',
        action: 'patch',
        id: id('patch', suffix),
        description: `partially update ${what} specified ${kind.kind}`,
        query: parameters.patch,
        body: patchBody,
        answer: type,
        codes: [200, 201],
      })
  }
  single(`${collection}/{name}`, '', kind.type, new Set([...verbs].filter((verb) => verb !== 'create')), 'the', gvk)
  for (const sub of kind.subresources ?? []) {
    const path = `${collection}/{name}/${sub.name}`
    const target = {
      group: sub.group ?? (sub.version ? '' : kind.group),
      version: sub.version ?? kind.version,
      kind: sub.kind,
    }
    if (sub.connect)
      operations.push(...connectOperations(sub, path, id, `${scoped}${kind.kind}`, base.tag, target, item))
    else
      single(
        path,
        sub.name[0]!.toUpperCase() + sub.name.slice(1),
        sub.type ?? kind.type,
        new Set(sub.verbs),
        `${sub.name} of the`,
        target,
      )
  }
  return operations
}

/** Exec, attach, log: text or streams. */
function connectOperations(
  sub: ServedSubresource,
  path: string,
  id: (verb: string, what: string) => string,
  holder: string,
  tag: string,
  kind: GroupVersionKind,
  item: readonly Parameter[],
): Operation[] {
  const methods: Record<string, Method> = {
    get: 'get',
    create: 'post',
    update: 'put',
    delete: 'delete',
    patch: 'patch',
  }
  const name = sub.name[0]!.toUpperCase() + sub.name.slice(1)
  return sub.verbs.flatMap((verb): Operation[] => {
    const method = methods[verb]
    if (!method) return []
    const title = method[0]!.toUpperCase() + method.slice(1)
    return [
      {
        path,
        method,
        action: 'connect',
        id: id(`connect`, `${title}${holder}${name}`),
        description: `connect ${title.toUpperCase()} requests to ${sub.name} of ${holder.replace('Namespaced', '')}`,
        tag,
        kind,
        pathParameters: item,
        query: [],
        codes: [200],
      },
    ]
  })
}

/** `rbac.authorization.k8s.io` → `RbacAuthorization`. */
function groupTitle(group: string): string {
  const parts = (group || 'core').replace(/\.k8s\.io$/, '').split('.')
  return parts.map((part) => part[0]!.toUpperCase() + part.slice(1)).join('')
}

const article = (kind: string): string => `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`
