import { openLmdbStore } from './lmdb.ts'
import { openMemoryStore } from './memory.ts'
import { describeContract } from './testing/contract.ts'

describeContract({ name: 'memory', open: async (_, limits) => openMemoryStore(limits) })
describeContract({
  name: 'lmdb',
  open: (directory, limits) => openLmdbStore({ directory, ...(limits ? { limits } : {}) }),
})
