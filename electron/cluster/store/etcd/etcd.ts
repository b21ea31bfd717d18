import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { StoreOpenError, StoreUnavailableError, type Store } from '../api.ts'
import { CommittedState } from '../committed-state.ts'
import { defaultHistoryLimits, type HistoryLimits } from '../history.ts'
import { EtcdConnection, type EtcdAddress } from './connection.ts'
import { EtcdStore } from './etcd-store.ts'
import { Mirror } from './mirror.ts'
import { plainValues, type ValuesAtRest } from './values.ts'

export interface EtcdStoreOptions {
  address: EtcdAddress
  clock: Clock
  logger: Logger
  /** How values lie in etcd. Default: as they are. */
  values?: ValuesAtRest
  /** Only keys that start so are seen and written. */
  prefix?: string
  limits?: HistoryLimits
}

/** The store that several servers share. Rejects with StoreOpenError. */
export async function openEtcdStore({
  address,
  clock,
  logger,
  values = plainValues,
  prefix = '/registry/',
  limits = defaultHistoryLimits,
}: EtcdStoreOptions): Promise<Store> {
  const connection = new EtcdConnection(address, () => clock.now())
  const state = new CommittedState(limits)
  const mirror: ConstructorParameters<typeof EtcdStore>[0]['mirror'] = (ownWrite) =>
    new Mirror({ connection, state, values, prefix, clock, logger, ownWrite })
  try {
    return await new EtcdStore({ connection, state, values, prefix, mirror }).open()
  } catch (error) {
    connection[Symbol.dispose]()
    if (!(error instanceof StoreUnavailableError)) throw error
    throw new StoreOpenError(
      error.message,
      `Start etcd there, or name the right addresses with --store etcd=URL[,URL…]${
        address.urls.some((url) => url.startsWith('https:')) ? ', and its authority with --etcd-cafile' : ''
      }.`,
      { cause: error },
    )
  }
}
