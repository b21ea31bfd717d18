import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Descriptions } from '../api.ts'
import { pathOf, type OpenApiDocument, type ServedKind } from './api.ts'
import { encodeGnostic } from './gnostic.ts'
import { documentV2 } from './v2.ts'
import { documentV3 } from './v3.ts'

/** The media type of the protobuf form of /openapi/v2, as it is answered; clients also ask for it as `…spec.v2@v1.0+protobuf`. */
export const gnosticType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

export interface OpenApi {
  /** GET /openapi/v3: where the document of each group and version is, with its hash. */
  readonly index: OpenApiDocument
  /** GET /openapi/v3/<path>, such as `api/v1` or `apis/apps/v1`. */
  groupVersion(path: string): OpenApiDocument | undefined
  /** GET /openapi/v2 as JSON, or as gnostic's protobuf. */
  v2(format: 'json' | 'protobuf'): OpenApiDocument
}

export interface OpenApiDeps {
  /** What is served now. A kind that changes is another object. */
  readonly kinds: () => readonly ServedKind[]
  /** Another number whenever `kinds` answers something else. */
  readonly changes: () => number
  readonly descriptions: Descriptions
  /** As in info.version, such as `v1.36.2`. */
  readonly version: string
}

/**
 * The documents of what is served. Each is built when it is first asked for, then kept as bytes for as long as what it
 * is made from stays the same.
 */
export function createOpenApi({ kinds, changes, descriptions, version }: OpenApiDeps): OpenApi {
  const documents = new Map<string, OpenApiDocument>()
  let groups = new Map<string, readonly ServedKind[]>()
  let seen: number | undefined
  // The hash is of what a document is made from, so that the index needs none of them.
  const hashOf = (of: readonly ServedKind[]) => hash(JSON.stringify([version, of.map(hashOfKind)]))
  const current = (): Map<string, readonly ServedKind[]> => {
    if (seen !== changes()) {
      seen = changes()
      groups = Map.groupBy(kinds(), pathOf)
    }
    return groups
  }
  const kept = (key: string, hash: string, make: () => Buffer): OpenApiDocument => {
    let document = documents.get(key)
    if (document?.hash !== hash) documents.set(key, (document = documentOf(make(), hash)))
    return document
  }
  return {
    get index() {
      const paths = [...current()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, of]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(of)}` }])
      const text = JSON.stringify({ paths: Object.fromEntries(paths) })
      return kept('index', hash(text), () => Buffer.from(text))
    },
    groupVersion(path) {
      const of = current().get(path)
      return of && kept(path, hashOf(of), () => Buffer.from(JSON.stringify(documentV3(of, version, descriptions))))
    },
    v2(format) {
      const all = [...current().values()].flat()
      return kept(`v2 ${format}`, hash(hashOf(all) + format), () => {
        const swagger = documentV2(all, version, descriptions)
        return format === 'json' ? Buffer.from(JSON.stringify(swagger)) : encodeGnostic(swagger)
      })
    },
  }
}

const hashes = new WeakMap<ServedKind, string>()

function hashOfKind(kind: ServedKind): string {
  let known = hashes.get(kind)
  if (known === undefined) hashes.set(kind, (known = hash(JSON.stringify(identity(kind)))))
  return known
}

const identity = ({
  group,
  version,
  kind,
  plural,
  namespaced,
  type,
  verbs,
  subresources,
  schema,
  selectableFields,
}: ServedKind): unknown => [
  group,
  version,
  kind,
  plural,
  namespaced,
  type,
  verbs,
  schema,
  schema && Object.keys(selectableFields ?? {}),
  subresources?.map((sub) => [sub.name, sub.kind, sub.group, sub.version, sub.verbs, sub.type, sub.connect]),
]

const hash = (text: string): string => createHash('sha512').update(text).digest('hex').toUpperCase()

export function documentOf(bytes: Buffer, hash: string): OpenApiDocument {
  let gzipped: Buffer | undefined
  return {
    bytes,
    hash,
    get gzipped() {
      return (gzipped ??= gzipSync(bytes))
    },
  }
}
