import type { Descriptions } from '../api.ts'
import type { JsonSchema, ServedKind } from './api.ts'
import { customSchemas } from './custom.ts'
import { kindIndex } from './kinds.ts'
import { operationsOf, type Operation } from './operations.ts'
import { parameters, type Parameter } from './parameters.ts'
import { collectSchemas } from './schemas.ts'

/** The Swagger 2.0 document of everything that is served. */
export function documentV2(kinds: readonly ServedKind[], version: string, descriptions: Descriptions): JsonSchema {
  const operations = kinds.flatMap(operationsOf)
  const roots = operations.flatMap(({ body, answer }) => [...(body ? [body.type] : []), ...(answer ? [answer] : [])])
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: pathsOf(operations),
    definitions: {
      ...collectSchemas(roots, 'v2', descriptions, kindIndex(kinds)),
      ...customSchemas(kinds, 'v2', descriptions),
    },
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
    },
    security: [{ BearerToken: [] }],
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
  description,
  in: place,
  name,
  ...(required ? { required } : {}),
  type,
  uniqueItems: true,
})

function describeOperation({ tag, description, id, query, body, answer, codes, action, kind }: Operation): JsonSchema {
  const schema = answer ? { $ref: `#/definitions/${answer}` } : { type: 'string' }
  const named: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }
  const bodyParameter = body && {
    in: 'body',
    name: 'body',
    ...(body.required ? { required: true } : {}),
    schema: { $ref: `#/definitions/${body.type}` },
  }
  return {
    consumes: body ? body.mediaTypes : ['*/*'],
    description,
    operationId: id,
    parameters: [...(bodyParameter ? [bodyParameter] : []), ...query.map(parameter)],
    produces: answer ? ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'] : ['*/*'],
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, { description: named[code], schema }])),
      401: { description: 'Unauthorized' },
    },
    schemes: ['https'],
    tags: [tag],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  }
}
