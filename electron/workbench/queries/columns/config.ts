import type { ConfigMap, Secret } from 'kubernetes-types/core/v1'
import { column, labelsCell, shape } from './define.ts'

const keys = (...data: (Readonly<Record<string, unknown>> | undefined)[]): string[] =>
  data.flatMap((map) => Object.keys(map ?? {}))

export const configMaps = shape<ConfigMap>(
  [
    column('data', 'Data', 'number', ({ data, binaryData }) => keys(data, binaryData).length),
    column('keys', 'Keys', 'text', ({ data, binaryData }) => keys(data, binaryData).join(', ')),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  ({ metadata }) => (metadata?.deletionTimestamp ? 'busy' : 'off'),
)

/** Keys only: values stay in the cluster until somebody reveals one. */
export const secrets = shape<Secret>(
  [
    column('type', 'Type', 'text', ({ type }) => type ?? null),
    column('data', 'Data', 'number', ({ data }) => keys(data).length),
    column('keys', 'Keys', 'text', ({ data }) => keys(data).join(', ')),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  ({ metadata }) => (metadata?.deletionTimestamp ? 'busy' : 'off'),
)
