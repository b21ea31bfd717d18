import { readFileSync } from 'node:fs'
import { kinds } from './apiserver/registry/index.ts'
import { ObjectsAtRest } from './apiserver/storage/objects-at-rest.ts'
import type { Clock } from './base/clock.ts'
import type { Logger } from './base/logger.ts'
import type { DataDirectory } from './data-directory.ts'
import { ClusterFailure } from './failure.ts'
import type { EtcdOptions } from './options.ts'
import type { Store } from './store/api.ts'
import { readPending, seedLmdb, seedShared } from './snapshot/seed.ts'
import { openLmdbStore } from './store/lmdb.ts'
import { openMemoryStore } from './store/memory.ts'
import type { ClusterOptions } from './options.ts'

export interface OpenStoreDeps {
  store: ClusterOptions['store']
  data: Pick<DataDirectory, 'file'>
  clock: Clock
  logger: Logger
}

/** The store that the options name. Rejects with StoreOpenError or ClusterFailure. */
export async function openStore({ store, data, clock, logger }: OpenStoreDeps): Promise<Store> {
  if (store === 'memory') return openMemoryStore(undefined, readPending(data))
  if (store === 'lmdb') {
    await seedLmdb(data)
    return await openLmdbStore({ directory: data.file('store'), logger: logger.child('store') })
  }
  const { urls, caFile, certFile, keyFile } = store
  const tls = {
    ...(caFile ? { authority: readPem('--etcd-cafile', caFile) } : {}),
    ...(certFile ? { certificate: readPem('--etcd-certfile', certFile) } : {}),
    ...(keyFile ? { key: readPem('--etcd-keyfile', keyFile) } : {}),
  }
  const atRest = new ObjectsAtRest(kinds)
  // Its gRPC is loaded by those only who use it.
  const { openEtcdStore } = await import('./store/etcd/etcd.ts')
  const opened = await openEtcdStore({
    address: { urls, tls },
    clock,
    logger: logger.child('etcd'),
    values: atRest,
  })
  const pending = readPending(data)
  if (pending) {
    // Objects are written in the order of their last changes, and so before definitions that changed later.
    const { prefix, explain } = atRest.explaining
    for (const { key, value } of pending.entries) if (key.startsWith(prefix)) explain(value)
    const restamp: ObjectsAtRest['restamp'] = (...args) => atRest.restamp(...args)
    await seedShared({ store: opened, pending, data, restamp, place: urls.join(',') })
  }
  return opened
}

/** Whether other processes may work on the same cluster. */
export const isShared = (store: ClusterOptions['store']): store is EtcdOptions => typeof store === 'object'

function readPem(flag: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new ClusterFailure(
      `${file} cannot be read: ${(error as Error).message}.`,
      `Name a PEM file with ${flag}.`,
      error,
    )
  }
}
