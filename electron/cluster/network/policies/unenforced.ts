import type { NetworkPolicy } from 'kubernetes-types/networking/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { networkPolicies } from '#shared/kube/resources.ts'
import { referenceTo, type EventRecorder } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'

/** Tells of every policy, and again when it is changed, that nothing holds a packet back here. */
export function reportUnenforced(informers: InformerFactory, events: EventRecorder, why: string): void {
  const report = (policy: Frozen<NetworkPolicy>) =>
    events.event(referenceTo(networkPolicies, policy), 'Warning', 'NotEnforced', `No packet is held back: ${why}.`)
  informers.for(networkPolicies).handle({
    add: report,
    update: (policy, old) => {
      if (policy.metadata?.generation !== old.metadata?.generation) report(policy)
    },
  })
}
