import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, daemonSets, nodes, pods } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { Clock } from '../../base/clock.ts'
import { KeyedBackoff } from '../../base/keyed-backoff.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { decider, watch, type Controller, type Watch } from '../framework/controller.ts'
import { Expectations } from '../framework/expectations.ts'
import { recordedTemplate, type RevisionView } from '../framework/history.ts'
import { childIndexes, owned } from '../framework/owned.ts'
import { equal } from '../framework/support/equality.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import { countsAnew } from '../framework/support/pods.ts'
import { fitnessOf, sameForDaemons, type NodeView, type SetView } from './nodes.ts'
import { reconcile } from './reconcile.ts'

/** How long a failed pod stays before it is replaced, in milliseconds. */
const failedPods = { initial: 1_000, max: 900_000 }

/** Keeps one pod of each DaemonSet on every node that it is for. */
export function daemonSetController(deps: { informers: InformerFactory; clock: Clock }): Controller {
  const { informers } = deps
  const sets = informers.for(daemonSets)
  const podInformer = informers.for(pods)
  const revisions = informers.for(controllerRevisions)
  const nodeInformer = informers.for(nodes)
  const podsOf = childIndexes(podInformer)
  const revisionsOf = childIndexes(revisions)
  const expectations = new Expectations(deps)
  const backoff = new KeyedBackoff(deps.clock, failedPods)
  const backoffKey = ({ metadata, status }: SetView, node: string) =>
    `${metadata?.uid}/${status?.observedGeneration ?? 0}/${node}`

  /** A node concerns the sets that it fits now, or did before. */
  const nodeWatch: Watch = {
    synced: () => nodeInformer.whenSynced(),
    start(enqueue) {
      const tell = (node: NodeView, matters: (set: SetView) => boolean) => {
        for (const set of sets.lister.list())
          if (matters(set)) enqueue(keyOf(set as KubeObject), referenceTo(nodes, node) as TraceRef)
      }
      const runsOn = (node: NodeView) => tell(node, (set) => fitnessOf(set)(node).run)
      return nodeInformer.handle({
        add: runsOn,
        delete: runsOn,
        update(node, old) {
          if (sameForDaemons(node, old)) return
          tell(node, (set) => {
            const fitness = fitnessOf(set)
            const [before, after] = [fitness(old), fitness(node)]
            return before.run !== after.run || before.stay !== after.stay
          })
        },
      })
    },
  }

  /**
   * A second revision of one template is somebody else's work, and stays until something else happens to the set:
   * upstream looks at no revision that appears, and whoever made this one expects to find both.
   */
  const isDuplicate = (revision: RevisionView): boolean =>
    revisionsOf.byController
      .get(controllerOf(revision)?.uid ?? '')
      .some((other) => other !== revision && equal(recordedTemplate(other), recordedTemplate(revision)))

  const ownership = {
    owners: sets,
    ownerType: daemonSets,
    selector: (set: SetView) => selectorOf(set.spec?.selector),
  }
  return decider({
    name: 'daemonset-controller',
    account: 'daemon-set-controller',
    workers: 2,
    expectations,
    writesTo: [sets, revisions, podInformer],
    watches: [
      watch(sets, (set) => [keyOf(set as KubeObject)], {
        onDelete(set) {
          expectations.forget(keyOf(set as KubeObject))
          backoff.forget(`${set.metadata?.uid}/`)
        },
      }),
      owned({ ...ownership, children: podInformer, expectations, relevant: countsAnew }),
      owned({ ...ownership, children: revisions, ignores: isDuplicate }),
      nodeWatch,
    ],
    observe(key) {
      const set = sets.lister.get(key)
      if (!set) return undefined
      const { uid = '', namespace = '' } = set.metadata ?? {}
      return {
        set,
        nodes: nodeInformer.lister.list(),
        candidates: [...podsOf.byController.get(uid), ...podsOf.orphans.get(namespace)],
        revisions: [...revisionsOf.byController.get(uid), ...revisionsOf.orphans.get(namespace)],
        backoff: (node: string) => backoff.remainingSinceUpdate(backoffKey(set, node)),
        settled: expectations.satisfied(key),
      }
    },
    reconcile(observed, now) {
      const decision = reconcile(observed, now)
      for (const node of decision.failed ?? []) backoff.next(backoffKey(observed.set, node), deps.clock.now())
      return decision
    },
  })
}
