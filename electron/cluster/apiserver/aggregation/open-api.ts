import { createHash } from 'node:crypto'
import type { OpenApiDocument } from '../../schema/openapi/api.ts'
import { encodeGnostic } from '../../schema/openapi/gnostic.ts'
import { documentOf, type OpenApi } from '../../schema/openapi/open-api.ts'
import { fetchFrom, type AvailabilityDeps } from './availability.ts'
import type { Remote } from './remote.ts'

/** What another server publishes of its group's version. */
export interface RemoteOpenApi {
  readonly v3?: OpenApiDocument
  readonly v2?: { paths: Record<string, unknown>; definitions: Record<string, unknown> }
}

type Swagger = { paths?: Record<string, unknown>; definitions?: Record<string, unknown> }

const hash = (bytes: Buffer | string): string => createHash('sha512').update(bytes).digest('hex').toUpperCase()

/** Asks the server for its documents; what it does not have is left out. */
export async function fetchOpenApi(remote: Remote, deps: AvailabilityDeps): Promise<RemoteOpenApi> {
  const at = `/apis/${remote.group}/${remote.version}`
  const get = async (path: string): Promise<Buffer | undefined> => {
    try {
      const { status, body } = await fetchFrom(remote, path, deps, 'application/json')
      return status === 200 ? body : undefined
    } catch {
      return undefined
    }
  }
  const [v3, v2] = await Promise.all([get(`/openapi/v3${at}`), get('/openapi/v2')])
  const swagger = v2 && parsed(v2)
  return {
    ...(v3 && parsed(v3) ? { v3: documentOf(v3, hash(v3)) } : {}),
    ...(swagger
      ? {
          v2: {
            paths: Object.fromEntries(
              Object.entries(swagger.paths ?? {}).filter(([path]) => path === `${at}/` || path.startsWith(`${at}/`)),
            ),
            definitions: swagger.definitions ?? {},
          },
        }
      : {}),
  }
}

function parsed(body: Buffer): Swagger | undefined {
  try {
    return JSON.parse(body.toString()) as Swagger
  } catch {
    return undefined
  }
}

export interface Published {
  readonly remote: Remote
  readonly openApi: RemoteOpenApi
}

/** This server's documents with those of others. `published` gives the same list until something changes. */
export function withRemotes(local: OpenApi, published: () => readonly Published[]): OpenApi {
  const made = new WeakMap<readonly Published[], Map<string, OpenApiDocument>>()
  const once = (key: string, of: readonly Published[], make: () => OpenApiDocument): OpenApiDocument => {
    let documents = made.get(of)
    if (!documents) made.set(of, (documents = new Map()))
    const own = `${key} ${local.index.hash}`
    let document = documents.get(own)
    if (!document) documents.set(own, (document = make()))
    return document
  }
  const pathOf = ({ remote }: Published) => `apis/${remote.group}/${remote.version}`
  return {
    get index() {
      const of = published()
      if (!of.length) return local.index
      return once('index', of, () => {
        const { paths } = JSON.parse(local.index.bytes.toString()) as { paths: Record<string, object> }
        for (const each of of)
          if (each.openApi.v3)
            paths[pathOf(each)] = { serverRelativeURL: `/openapi/v3/${pathOf(each)}?hash=${each.openApi.v3.hash}` }
        const text = JSON.stringify({
          paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
        })
        return documentOf(Buffer.from(text), hash(text))
      })
    },
    groupVersion: (path) => published().find((each) => pathOf(each) === path)?.openApi.v3 ?? local.groupVersion(path),
    v2(format) {
      const of = published().filter(({ openApi }) => openApi.v2)
      if (!of.length) return local.v2(format)
      return once(`v2 ${format}`, published(), () => {
        const document = JSON.parse(local.v2('json').bytes.toString()) as Required<Swagger>
        for (const { openApi } of of) {
          // What both define is this server's: upstream renames the other's, which nobody looks for by name.
          document.definitions = { ...openApi.v2!.definitions, ...document.definitions }
          document.paths = { ...document.paths, ...openApi.v2!.paths }
        }
        const text = Buffer.from(JSON.stringify(document))
        const bytes = format === 'json' ? text : encodeGnostic(document as Parameters<typeof encodeGnostic>[0])
        return documentOf(bytes, hash(bytes))
      })
    },
  }
}
