import { internal } from '#shared/kube/status.ts'
import type { KubeClient } from './api.ts'

/**
 * A client that writes only while its user holds what entitles it to. A process that was held up may learn late that
 * another leads by now: what it was about to write must not be sent any more.
 */
export function fencedClient(client: KubeClient, holds: () => boolean): KubeClient {
  const guarded =
    <Arguments extends unknown[], Answer>(send: (...args: Arguments) => Promise<Answer>) =>
    async (...args: Arguments): Promise<Answer> => {
      if (!holds()) throw internal('another process leads by now: nothing is written any more')
      return send(...args)
    }
  return {
    get: client.get.bind(client),
    list: client.list.bind(client),
    watch: client.watch.bind(client),
    create: guarded(client.create.bind(client)),
    update: guarded(client.update.bind(client)),
    patch: guarded(client.patch.bind(client)),
    delete: guarded(client.delete.bind(client)),
    post: guarded(client.post.bind(client)),
  } as KubeClient
}
