import { systemClock, type Clock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { openMemoryStore } from '../../store/memory.ts'
import { plugins } from '../admission/index.ts'
import { memoryKeyFiles } from '../pki/key-files.ts'
import { openPki } from '../pki/pki.ts'
import { kinds } from '../registry/index.ts'
import type { KindDefinition, UserInfo } from '../registry/kind.ts'
import { createApiServer, type ApiServer, type ApiServerDeps } from '../server.ts'

export interface FullServer extends AsyncDisposable {
  api: ApiServer
  /** Acts as the administrator. */
  client: KubeClient
  as(user: UserInfo): KubeClient
}

/** The server with every kind and admission plug-in over a memory store, without a network. */
export async function fullServer({
  clock = systemClock,
  ...more
}: { clock?: Clock; moreKinds?: readonly KindDefinition[] } & Pick<ApiServerDeps, 'wrote'> = {}): Promise<FullServer> {
  const store = openMemoryStore()
  const api = await createApiServer({
    store,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    pki: openPki({ files: memoryKeyFiles(), clock: systemClock }),
    kinds: [...kinds, ...(more.moreKinds ?? [])],
    wrote: more.wrote,
    admission: plugins,
    serviceCidr: '10.96.0.0/16',
    serviceAddress: '10.96.0.1',
    freeze: true,
  })
  return {
    api,
    client: api.client({ name: 'admin', groups: ['system:masters'] }),
    as: (user) => api.client(user),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
