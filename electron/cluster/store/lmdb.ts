import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers'
import { silentLogger, type Logger } from '../base/logger.ts'
import { StoreOpenError, type CommitError, type Store, type StoreEvent } from './api.ts'
import type { Dump } from './dump.ts'
import { CommittedState } from './committed-state.ts'
import { GroupCommitStore } from './group-commit-store.ts'
import { defaultHistoryLimits, type HistoryLimits } from './history.ts'
import { LmdbFile } from './lmdb-file.ts'
import { acquireLock, LockHeldError } from '../base/lock-file.ts'

export interface LmdbStoreOptions {
  /** Made when absent. Only one process at a time has it open. */
  directory: string
  limits?: HistoryLimits
  /** Told when writing begins to fail, and when it works again. */
  logger?: Pick<Logger, 'error' | 'info'>
}

/** So many entries are committed at once while filling. */
const fillBatch = 1000

/** The durable store of one machine. Rejects with StoreOpenError. */
export async function openLmdbStore({
  directory,
  limits = defaultHistoryLimits,
  logger = silentLogger,
}: LmdbStoreOptions): Promise<Store> {
  const lock = lockDirectory(directory)
  let file: LmdbFile | undefined
  try {
    const state = new CommittedState(limits)
    file = LmdbFile.open(directory)
    state.startAt(file.load((...entry) => state.load(...entry)))
    // Opened anew the file is mapped anew, without all the pages that loading has touched: else they would count as ours.
    await file.close()
    file = LmdbFile.open(directory)
    return new GroupCommitStore({
      state,
      commit: sayingWhenItFails((events, revision) => file!.commit(events, revision), logger),
      // Not a timer: the end of this turn of the event loop, so that all writers it brings share one transaction.
      gather: (callback) => setImmediate(callback),
      close: async () => {
        await file!.close()
        lock[Symbol.dispose]()
      },
    })
  } catch (error) {
    await file?.close()
    lock[Symbol.dispose]()
    throw error
  }
}

type Commit = (events: readonly StoreEvent[], revision: number) => Promise<void>

/** Clients are told each time, the log is told once. */
function sayingWhenItFails(commit: Commit, logger: Pick<Logger, 'error' | 'info'>): Commit {
  let failures = 0
  return async (events, revision) => {
    try {
      await commit(events, revision)
    } catch (error) {
      const { message, cure } = error as CommitError
      if (failures++ === 0) logger.error('writes are refused', { error: message, cure })
      throw error
    }
    if (failures) logger.info('writes work again', { failures })
    failures = 0
  }
}

/** Makes the store of a directory that is not there yet, from a dump. */
export async function fillLmdbStore(directory: string, { entries, revision }: Dump): Promise<void> {
  const lock = lockDirectory(directory)
  const file = LmdbFile.open(directory)
  try {
    const put = { type: 'put' as const, previous: undefined }
    for (let i = 0; i < entries.length; i += fillBatch) {
      const batch = entries.slice(i, i + fillBatch)
      await file.commit(
        batch.map((entry) => ({ ...put, key: entry.key, revision: entry.revision, entry })),
        revision,
      )
    }
  } finally {
    await file.close()
    lock[Symbol.dispose]()
  }
}

function lockDirectory(directory: string): Disposable {
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK)
    return acquireLock(join(directory, 'LOCK'))
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, directory)
  }
}

function explain(error: NodeJS.ErrnoException, directory: string): StoreOpenError {
  if (error instanceof LockHeldError) {
    return new StoreOpenError(
      `the data directory ${directory} is in use by process ${error.pid}`,
      `Use that cluster, stop process ${error.pid} first, or choose another directory with --data.`,
      { cause: error },
    )
  }
  const cures: Partial<Record<string, string>> = {
    EACCES: 'Give yourself the right to write there, or choose another directory with --data.',
    EPERM: 'Give yourself the right to write there, or choose another directory with --data.',
    EROFS: 'It is on a read-only file system: choose another directory with --data.',
    ENOSPC: 'The disk is full: free some space and start again.',
    ENOTDIR: 'A file is in its way: choose another directory with --data.',
    EEXIST: 'A file is in its way: choose another directory with --data.',
  }
  return new StoreOpenError(
    `the data directory ${directory} cannot be written: ${error.message}`,
    cures[error.code ?? ''] ?? 'Choose another directory with --data.',
    { cause: error },
  )
}
