import { readFileSync } from 'node:fs'
import { kinds } from './apiserver/registry/index.ts'
import { ObjectsAtRest } from './apiserver/storage/objects-at-rest.ts'
import type { Clock } from './base/clock.ts'
import type { Logger } from './base/logger.ts'
import type { DataDirectory } from './data-directory.ts'
import { ClusterFailure } from './failure.ts'
import type { EtcdOptions } from './options.ts'
import type { Store } from './store/api.ts'
import { customKinds } from './snapshot/custom-kinds.ts'
import { readPending, seedLmdb, seedShared } from './snapshot/seed.ts'
import { openLmdbStore } from './store/lmdb.ts'
import { openMemoryStore } from './store/memory.ts'
import type { ClusterOptions } from './options.ts'

export interface OpenedStore {
  store: Store
  /** What a shared store has to know of the objects, so that other programs can read them. */
  atRest?: ObjectsAtRest
}

export interface OpenStoreDeps {
  store: ClusterOptions['store']
  data: Pick<DataDirectory, 'file'>
  clock: Clock
  logger: Logger
}

/** The store that the options name. Rejects with StoreOpenError or ClusterFailure. */
export async function openStore({ store, data, clock, logger }: OpenStoreDeps): Promise<OpenedStore> {
  if (store === 'memory') return { store: openMemoryStore(undefined, readPending(data)) }
  if (store === 'lmdb') {
    await seedLmdb(data)
    return { store: await openLmdbStore({ directory: data.file('store'), logger: logger.child('store') }) }
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
  for (const kind of pending ? customKinds(pending) : []) atRest.describe(kind)
  if (pending) {
    const restamp: ObjectsAtRest['restamp'] = (...args) => atRest.restamp(...args)
    await seedShared({ store: opened, pending, data, restamp, place: urls.join(',') })
  }
  return { store: opened, atRest }
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
