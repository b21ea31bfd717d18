import type { Store } from './api.ts'
import { CommittedState } from './committed-state.ts'
import { GroupCommitStore } from './group-commit-store.ts'
import type { Dump } from './dump.ts'
import { defaultHistoryLimits, type HistoryLimits } from './history.ts'

/** A store that is gone with its process: for tests, and for `--store memory`. It may start from a dump. */
export function openMemoryStore(limits: HistoryLimits = defaultHistoryLimits, dump?: Dump): Store {
  const state = new CommittedState(limits)
  for (const { key, value, revision, created } of dump?.entries ?? []) state.load(key, value, revision, created)
  if (dump) state.startAt(dump.revision)
  return new GroupCommitStore({
    state,
    commit: () => Promise.resolve(),
    gather: queueMicrotask,
    close: () => Promise.resolve(),
  })
}
