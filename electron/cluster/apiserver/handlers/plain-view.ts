import type { KubeObject } from '#shared/kube/object.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { spliceHead } from '../storage/codec.ts'
import { listMetadata, listParts, type View } from './view.ts'

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
  const item = custom
    ? (entry: Entry) => [kind.head, kind.bytes(entry).subarray(1)]
    : (entry: Entry) => [kind.bytes(entry)]
  return {
    key: kind.apiVersion,
    format: 'json',
    one: (entry) => spliceHead(kind.head, kind.bytes(entry), newline),
    object: (object) => Buffer.from(`${JSON.stringify(typeFirst(object))}\n`),
    objects: (objects) => Buffer.from(`{${type},"metadata":{},"items":${JSON.stringify(objects.map(withoutType))}}\n`),
    list: (page) =>
      listParts(type, page, item, '[]', custom ? { continue: '', ...listMetadata(page) } : listMetadata(page)),
    bookmark: (metadata) => Buffer.from(JSON.stringify({ kind: kind.kind, apiVersion: kind.apiVersion, metadata })),
  }
}

function typeFirst({ kind, apiVersion, ...rest }: KubeObject): object {
  return { kind, apiVersion, ...rest }
}

const withoutType = ({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject): object => rest
