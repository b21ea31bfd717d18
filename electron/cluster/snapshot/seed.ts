import { existsSync, renameSync, rmSync } from 'node:fs'
import type { DataDirectory } from '../data-directory.ts'
import { ClusterFailure } from '../failure.ts'
import { maxWrites, type Store, type Write } from '../store/api.ts'
import type { Dump, DumpedEntry } from '../store/dump.ts'
import type { ValuesAtRest } from '../store/etcd/values.ts'
import { fillLmdbStore } from '../store/lmdb.ts'
import { readSnapshot } from './file.ts'

/** The snapshot that a restored data directory starts from. */
export const pendingName = 'restored.snapshot'

type Files = Pick<DataDirectory, 'file'>

export const pendingSnapshot = (data: Files): string => data.file(pendingName)

export function readPending(data: Files): Dump | undefined {
  const file = pendingSnapshot(data)
  return existsSync(file) ? readSnapshot(file) : undefined
}

/** Fills the LMDB store of a restored directory, once. Whenever it dies, the next start does it again or finds it done. */
export async function seedLmdb(data: Files): Promise<void> {
  const store = data.file('store')
  const pending = existsSync(store) ? undefined : readPending(data)
  if (pending) {
    // LMDB takes a name with a dot for a file's.
    const filling = data.file('store-filling')
    rmSync(filling, { recursive: true, force: true })
    await fillLmdbStore(filling, pending)
    renameSync(filling, store)
  }
  rmSync(pendingSnapshot(data), { force: true })
}

/** So many bytes of values go into one call: etcd takes 1.5 MB in one request unless it is told otherwise. */
const callBytes = 512 * 1024

export interface SharedSeedDeps {
  store: Store
  pending: Dump
  data: Files
  /** The value as of another revision. */
  restamp: ValuesAtRest['restamp']
  /** For messages. */
  place: string
}

/** Writes the restored objects to an empty shared store. They get its revisions, and are the same in all else. */
export async function seedShared({ store, pending, data, restamp, place }: SharedSeedDeps): Promise<void> {
  if (store.count(''))
    throw new ClusterFailure(
      `The store at ${place} is not empty: a snapshot is never restored over anything.`,
      `Choose an empty one; or, to go on with what is in there, remove ${pendingSnapshot(data)}.`,
    )
  // In the order of their last changes, so that revisions stay in it.
  const entries = pending.entries.toSorted((a, b) => a.revision - b.revision)
  for (const call of callsOf(entries, restamp)) await store.write(call)
  rmSync(pendingSnapshot(data), { force: true })
}

function* callsOf(entries: readonly DumpedEntry[], restamp: ValuesAtRest['restamp']): Iterable<Write[]> {
  let call: Write[] = []
  let bytes = 0
  for (const { key, value } of entries) {
    if (call.length === maxWrites || (call.length && bytes + value.length > callBytes)) {
      yield call
      call = []
      bytes = 0
    }
    call.push({ key, expect: 0, value: (revision) => restamp(key, value, revision) })
    bytes += value.length
  }
  if (call.length) yield call
}
