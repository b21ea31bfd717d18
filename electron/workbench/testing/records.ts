import type { Tone } from '#shared/ipc/queries.ts'
import type { RowRecord } from '../queries/record.ts'

/** A record with the cells [restarts, created]. */
export function record(
  name: string,
  {
    restarts = 0,
    tone = 'ok',
    created = 0,
    namespace = 'default',
  }: { restarts?: number | null; tone?: Tone; created?: number; namespace?: string } = {},
): RowRecord {
  return {
    row: {
      uid: `uid-${namespace}-${name}`,
      name,
      namespace,
      created,
      cells: [restarts, created],
      tone,
      deleting: false,
    },
    search: `${name}\n${namespace}\n`,
    labelSearch: '',
    labels: { app: name },
    owners: [],
  }
}
