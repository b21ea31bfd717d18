import type { KubeObject } from '#shared/kube/object.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { spliceHead } from '../storage/codec.ts'
import type { ListPage } from '../storage/list.ts'
import { listMetadata, listParts, type Item, type View } from './view.ts'

const newline = Buffer.from('\n')

const plainViews = new WeakMap<ServedKind, View>()

export function plainView(kind: ServedKind): View {
  let view = plainViews.get(kind)
  if (!view) plainViews.set(kind, (view = makePlainView(kind)))
  return view
}

function makePlainView(kind: ServedKind): View {
  const type = `"kind":${JSON.stringify(kind.listKind)},"apiVersion":${JSON.stringify(kind.apiVersion)}`
  // Lists of custom resources always say how they go on, and their items what they are.
  const { custom } = kind.definition
  const head = kind.head.toString()
  const item: Item = custom
    ? { before: () => head, bytes: (entry) => kind.bytes(entry).subarray(1), after: '' }
    : { before: () => '', bytes: (entry) => kind.bytes(entry), after: '' }
  const listHead = (page: ListPage) =>
    `{${type},"metadata":${JSON.stringify({ ...(custom && { continue: '' }), ...listMetadata(page) })},"items":`
  return {
    key: kind.apiVersion,
    format: 'json',
    one: (entry) => spliceHead(kind.head, kind.bytes(entry), newline),
    object: (object) => Buffer.from(`${JSON.stringify(typeFirst(object))}\n`),
    objects: (objects) => Buffer.from(`{${type},"metadata":{},"items":${JSON.stringify(objects.map(withoutType))}}\n`),
    list: (page) => listParts(listHead(page), page, item, '[]', '}\n'),
    bookmark: (metadata) => Buffer.from(JSON.stringify({ kind: kind.kind, apiVersion: kind.apiVersion, metadata })),
  }
}

function typeFirst({ kind, apiVersion, ...rest }: KubeObject): object {
  return { kind, apiVersion, ...rest }
}

const withoutType = ({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject): object => rest
