import type { SnapshotCommand } from './arguments.ts'
import { systemClock } from '../cluster/base/clock.ts'

/** Runs `wheelhouse snapshot save|restore`; answers what it did. */
export async function runSnapshot({ action, file, dataDirectory }: SnapshotCommand): Promise<object> {
  if (action === 'save') {
    const { saveSnapshot } = await import('../cluster/snapshot/save.ts')
    return { event: 'saved', file, ...(await saveSnapshot({ file, dataDirectory, clock: systemClock })) }
  }
  const { restoreSnapshot } = await import('../cluster/snapshot/restore.ts')
  return { event: 'restored', data: dataDirectory, ...restoreSnapshot(file, dataDirectory) }
}
