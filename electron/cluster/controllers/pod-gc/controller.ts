import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Controller, Watch } from '../framework/controller.ts'
import { podsOfNode } from '../framework/support/node-pods.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'
import { collectOrphans, collectTerminated, collectUnscheduled, quarantine, terminatedThreshold } from './reconcile.ts'

const terminated = 'terminated'

/** Removes pods that nobody else will: of nodes that are gone, never scheduled, or ended and too many. */
export function podGarbageCollector({ informers }: { informers: InformerFactory }): Controller {
  const all = informers.for(nodes)
  const podInformer = informers.for(pods)
  const byNode = podsOfNode(podInformer)
  const ended = podInformer.index('ended', (pod) => (isPodTerminal(pod) ? [terminated] : []))

  const podWatch: Watch = {
    synced: () => podInformer.whenSynced(),
    start: (enqueue) => {
      const seen = (pod: PodView, old?: PodView) => {
        const cause = referenceTo(pods, pod) as TraceRef
        const { nodeName } = pod.spec ?? {}
        if (ended.count(terminated) > terminatedThreshold) enqueue(terminated, cause)
        if (!nodeName && pod.metadata?.deletionTimestamp) enqueue(`pod/${keyOf(pod as KubeObject)}`, cause)
        if (nodeName && old?.spec?.nodeName !== nodeName && !all.lister.get(nodeName))
          enqueue(`node/${nodeName}`, cause, quarantine)
      }
      return podInformer.handle({ add: (pod) => seen(pod), update: seen })
    },
  }
  const nodeWatch: Watch = {
    synced: () => all.whenSynced(),
    start: (enqueue) =>
      all.handle({
        delete: (node) => enqueue(`node/${node.metadata?.name}`, referenceTo(nodes, node) as TraceRef, quarantine),
      }),
  }

  return {
    name: 'pod-garbage-collector',
    workers: 2,
    watches: [podWatch, nodeWatch],
    async sync(key, { decide, now }) {
      const slash = key.indexOf('/')
      const [what, name] = [key.slice(0, slash), key.slice(slash + 1)]
      if (key === terminated) await decide(collectTerminated(ended.get(terminated)))
      else if (what === 'node') {
        if (!all.lister.get(name)) await decide(collectOrphans(name, byNode.get(name), now))
      } else {
        const pod = podInformer.lister.get(name)
        if (pod) await decide(collectUnscheduled(pod))
      }
    },
  }
}
