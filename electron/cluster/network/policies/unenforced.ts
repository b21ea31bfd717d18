import type { NetworkPolicy } from 'kubernetes-types/networking/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { networkPolicies } from '#shared/kube/resources.ts'
import { Disposer } from '../../base/dispose.ts'
import { ApiEventRecorder, referenceTo } from '../../client/event-recorder.ts'
import { InformerFactory } from '../../client/informer-factory.ts'
import type { InformerDeps } from '../../client/informer.ts'
import type { PodNetwork } from '../api.ts'

/** Why policies hold nothing back on a machine whose nodes have these networks; undefined where they do for the pods of some. */
export const whyUnenforced = (drivers: readonly PodNetwork['driver'][]): string | undefined => {
  if (drivers.includes('bridge')) return undefined
  return drivers.length ? 'pods share the network of this machine' : 'this machine has no node with a network'
}

/** Tells of every policy by an event, and again when it is changed, that nothing holds a packet back here. */
export function reportUnenforced(deps: InformerDeps, why: string): AsyncDisposable {
  const owned = new Disposer()
  const informers = owned.own(new InformerFactory(deps))
  const events = owned.own(new ApiEventRecorder({ ...deps, source: { component: 'network-policies' } }))
  const report = (policy: Frozen<NetworkPolicy>) =>
    events.event(
      referenceTo(networkPolicies, policy),
      'Warning',
      'NotEnforced',
      `The policy holds no packet back: ${why}`,
    )
  informers.for(networkPolicies).handle({
    add: report,
    update: (policy, old) => {
      if (policy.metadata?.generation !== old.metadata?.generation) report(policy)
    },
  })
  return owned
}
