import { nodes, pods } from '#shared/kube/resources.ts'
import type { Pki } from './apiserver/pki/pki.ts'
import type { ApiServer } from './apiserver/server.ts'
import type { Clock } from './base/clock.ts'
import { Disposer } from './base/dispose.ts'
import type { Logger } from './base/logger.ts'
import type { Random } from './base/random.ts'
import type { KubeClient } from './client/api.ts'
import { ApiEventRecorder } from './client/event-recorder.ts'
import { fencedClient } from './client/fenced-client.ts'
import { InformerFactory } from './client/informer-factory.ts'
import { LeaderElection } from './client/leader-election.ts'
import { reader, startControllers, type Identity } from './controllers/index.ts'
import { startScheduler } from './scheduler/scheduler.ts'
import type { Tracing } from './trace/tracing.ts'

export interface LoopsDeps {
  clock: Clock
  random: Random
  logger: Logger
  server: ApiServer
  pki: Pki
  /** Range of the pods' addresses. */
  podCidr: string
  tracing: Tracing
  /** This server's name among those that share a store, of which one runs the loops; undefined: it is alone. */
  leader: string | undefined
}

/** Controllers and scheduler, each with an identity of its own. Resolves with the caches that they share. */
export async function startLoops(deps: LoopsDeps, owned: Disposer): Promise<InformerFactory> {
  const { clock, random, logger, server, pki, podCidr, leader, tracing } = deps
  // What the process reads is kept once, for all of its loops and also while others lead.
  const informers = owned.own(
    new InformerFactory({ client: server.client(reader), clock, random, logger: logger.child('caches') }),
  )
  /** Of a leader that could lose its lease the writes end with it. */
  const clientOf = (user: Identity, holds: (() => boolean) | undefined): KubeClient =>
    holds ? fencedClient(server.client(user), holds) : server.client(user)
  const controllers = async (holds?: () => boolean) => {
    const parts = new Disposer()
    const typeChecks = server.typeCheckPolicies()
    parts.defer(() => typeChecks[Symbol.dispose]())
    parts.own(
      await startControllers({
        client: (user) => clientOf(user, holds),
        informers,
        discovery: server.discovery,
        clock,
        random,
        logger: logger.child('controllers'),
        trace: tracing.ring,
        rootCa: pki.authority,
        podCidr,
        signToken: (account, secret) => server.tokens.issueLegacy(account, secret),
        signRequest: (request, usages, seconds) => pki.signRequest(request, usages, seconds),
      }),
    )
    return parts
  }
  const scheduler = (holds?: () => boolean) => {
    const parts = new Disposer()
    const client = clientOf({ name: 'system:kube-scheduler', groups: [] }, holds)
    const source = { component: 'default-scheduler' }
    const events = parts.own(new ApiEventRecorder({ client, clock, logger, source }))
    const scheduler = startScheduler({ client, informers, events, clock, random, logger: logger.child('scheduler') })
    parts.own(scheduler)
    const seen = { pods: informers.for(pods).lister, nodes: informers.for(nodes).lister }
    const following = tracing.decisions.follow({ scheduler, ...seen })
    parts.defer(() => following[Symbol.dispose]())
    return parts
  }
  const loops = { 'kube-controller-manager': controllers, 'kube-scheduler': scheduler }
  for (const [name, lead] of Object.entries(loops)) {
    if (leader === undefined) {
      owned.own(await lead())
      continue
    }
    owned.own(
      new LeaderElection({
        client: server.client({ name: `system:${name}`, groups: [] }),
        clock,
        random,
        logger: logger.child(name),
        lease: { namespace: 'kube-system', name },
        identity: leader,
        lead,
      }),
    )
  }
  return informers
}
