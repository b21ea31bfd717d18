import type { ApiConnection } from '../connections/api-connection.ts'

interface Schema {
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
  [key: string]: unknown
}

export interface EditorSchema {
  uri: string
  schema: unknown
  kinds: { apiVersion: string; kind: string }[]
}

const cache = new WeakMap<ApiConnection, { version: string; schema: EditorSchema }>()

/**
 * One JSON schema over all kinds that the server publishes in OpenAPI v3, for the editor: apiVersion and kind choose
 * the rest. Built anew when the server's documents change.
 */
export async function editorSchema(connection: ApiConnection, signal: AbortSignal): Promise<EditorSchema> {
  const { value: index } = await connection.json<{ paths: Record<string, { serverRelativeURL: string }> }>(
    '/openapi/v3',
    { signal },
  )
  const documents = Object.entries(index.paths).filter(([path]) => /^(api\/|apis\/.+\/)v\d/.test(path))
  const version = documents.map(([, { serverRelativeURL }]) => serverRelativeURL).join()
  const known = cache.get(connection)
  if (known?.version === version) return known.schema

  const definitions: Record<string, Schema> = {}
  const waiting = documents.values()
  // There are dozens: a few at a time, so that the rest of the app still gets its answers.
  const worker = async () => {
    for (const [, { serverRelativeURL }] of waiting) {
      const { value } = await connection.json<{ components?: { schemas?: Record<string, Schema> } }>(
        serverRelativeURL,
        { signal },
      )
      Object.assign(definitions, value.components?.schemas)
    }
  }
  await Promise.all(Array.from({ length: 6 }, worker))
  const schema = assemble(definitions)
  cache.set(connection, { version, schema })
  return schema
}

export function assemble(definitions: Record<string, Schema>): EditorSchema {
  const kinds = Object.entries(definitions).flatMap(([name, definition]) => {
    const named = definition['x-kubernetes-group-version-kind'] ?? []
    // Types such as DeleteOptions belong to every group: nobody writes them as documents.
    return named.length === 1
      ? named.map(({ group, version, kind }) => ({ apiVersion: group ? `${group}/${version}` : version, kind, name }))
      : []
  })
  const schema = {
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: {
      apiVersion: { enum: [...new Set(kinds.map(({ apiVersion }) => apiVersion))].sort() },
      kind: { enum: [...new Set(kinds.map(({ kind }) => kind))].sort() },
    },
    allOf: kinds.map(({ apiVersion, kind, name }) => ({
      if: {
        properties: { apiVersion: { const: apiVersion }, kind: { const: kind } },
        required: ['apiVersion', 'kind'],
      },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON schema's own word
      then: { $ref: `#/definitions/${name}` },
    })),
    definitions,
  }
  const text = JSON.stringify(schema).replaceAll('#/components/schemas/', '#/definitions/')
  return {
    uri: 'wheelhouse://schema/kubernetes.json',
    schema: JSON.parse(text) as unknown,
    kinds: kinds.map(({ apiVersion, kind }) => ({ apiVersion, kind })),
  }
}
