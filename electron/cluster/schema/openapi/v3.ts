import type { Descriptions } from '../api.ts'
import type { JsonSchema, ServedKind } from './api.ts'
import { customSchemas } from './custom.ts'
import { kindIndex } from './kinds.ts'
import { operationsOf, type Operation } from './operations.ts'
import { parameters, type Parameter } from './parameters.ts'
import { collectSchemas } from './schemas.ts'

/** The OpenAPI 3.0 document of one group and version. */
export function documentV3(kinds: readonly ServedKind[], version: string, descriptions: Descriptions): JsonSchema {
  const operations = kinds.flatMap(operationsOf)
  const roots = operations.flatMap(({ body, answer }) => [...(body ? [body.type] : []), ...(answer ? [answer] : [])])
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: pathsOf(operations),
    components: {
      schemas: {
        ...collectSchemas(roots, 'v3', descriptions, kindIndex(kinds)),
        ...customSchemas(kinds, 'v3', descriptions),
      },
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          name: 'authorization',
          in: 'header',
          description: 'Bearer Token authentication',
        },
      },
    },
  }
}

function pathsOf(operations: readonly Operation[]): JsonSchema {
  const paths: Record<string, JsonSchema> = {}
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {
      parameters: [...operation.pathParameters, parameters.pretty].map(parameter),
    })
    path[operation.method] = describeOperation(operation)
  }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const parameter = ({ name, in: place, type, description, required }: Parameter): JsonSchema => ({
  name,
  in: place,
  description,
  ...(required ? { required } : {}),
  schema: { type, uniqueItems: true },
})

const answerTypes = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml']

function describeOperation({ tag, description, id, query, body, answer, codes, action, kind }: Operation): JsonSchema {
  const content = (types: readonly string[], type: string) =>
    Object.fromEntries(types.map((mediaType) => [mediaType, { schema: { $ref: `#/components/schemas/${type}` } }]))
  const ok = {
    description: 'OK',
    content: answer ? content(answerTypes, answer) : { '*/*': { schema: { type: 'string' } } },
  }
  const named: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }
  return {
    tags: [tag],
    description,
    operationId: id,
    ...(query.length ? { parameters: query.map(parameter) } : {}),
    ...(body
      ? { requestBody: { content: content(body.mediaTypes, body.type), ...(body.required ? { required: true } : {}) } }
      : {}),
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, { ...ok, description: named[code] }])),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  }
}
