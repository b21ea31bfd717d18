import { StatusError, type StatusCause } from '#shared/kube/status.ts'
import { pathsOf } from './field-set.ts'
import { identify, type Manager } from './managers.ts'
import { printPath } from './path-element.ts'
import type { Conflict } from './updater.ts'

/** The 409 of an apply that would change what others own: every field, and whose it is. */
export function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const fields = conflicts.flatMap(({ manager, set }) =>
    [...pathsOf(set)].map((path) => ({ id: identify(manager), manager: printManager(manager), path: printPath(path) })),
  )
  const causes: StatusCause[] = fields.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field: path,
  }))
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: conflictMessage(fields),
    reason: 'Conflict',
    details: { causes },
    code: 409,
  })
}

function conflictMessage(fields: readonly { id: string; manager: string; path: string }[]): string {
  if (fields.length === 1)
    return `Apply failed with 1 conflict: conflict with ${fields[0]!.manager}: ${fields[0]!.path}`
  const byManager = [...Map.groupBy(fields, ({ id }) => id)].sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = byManager.flatMap(([, of]) => [
    `conflicts with ${of[0]!.manager}:`,
    ...of.map(({ path }) => `- ${path}`),
  ])
  return `Apply failed with ${fields.length} conflicts: ${lines.join('\n')}`
}

function printManager({ name, operation, apiVersion, subresource }: Manager): string {
  const named = JSON.stringify(name) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '')
  return operation === 'Update' ? `${named} using ${apiVersion}` : named
}
