import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { jobs, pods } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { childIndexes, owned } from '../framework/owned.ts'
import { clockJumps } from '../framework/support/clock-jumps.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'
import { noFailures, type BackoffRecord } from './backoff.ts'
import { isFinished } from './conditions.ts'
import { isTracked } from './pods.ts'
import { reconcile } from './reconcile.ts'
import { isManagedElsewhere } from './types.ts'

/** Runs the pods of jobs until enough of them have succeeded. */
export function jobController({ informers, clock }: { informers: InformerFactory; clock: Clock }): Controller {
  const all = informers.for(jobs)
  const children = informers.for(pods)
  const { byController, orphans } = childIndexes(children)
  const timed = all.index('deadline', (job) =>
    job.spec?.activeDeadlineSeconds !== undefined && !isFinished(job) ? [''] : [],
  )
  const records = new Map<string, BackoffRecord>()
  return decider({
    name: 'job-controller',
    workers: 5,
    // A quota that refused pods may have room again, and nothing tells of it.
    retry: { initial: 5, max: 60_000 },
    // Pods are counted only when all that was created, deleted and released before has been seen.
    writesTo: [all, children],
    watches: [
      watch(all, (job) => [keyOf(job as KubeObject)], {
        onDelete: (job) => records.delete(keyOf(job as KubeObject)),
      }),
      owned({
        children,
        owners: all,
        ownerType: jobs,
        selector: (job) => selectorOf(job.spec?.selector),
        relevant,
      }),
      clockJumps({ clock }, () => [
        ...timed.get('').map((job) => keyOf(job as KubeObject)),
        ...[...records].filter(([, { failures }]) => failures > 0).map(([key]) => key),
      ]),
    ],
    observe(key) {
      const job = all.lister.get(key)
      if (!job || isFinished(job)) records.delete(key)
      if (!job || isFinished(job) || isManagedElsewhere(job)) return undefined
      return {
        job,
        candidates: [...byController.get(job.metadata?.uid ?? ''), ...orphans.get(job.metadata?.namespace ?? '')],
        backoff: records.get(key) ?? noFailures,
        remember: (record) => void records.set(key, record),
      }
    },
    reconcile,
  })
}

/** Of all that happens to a pod, its job counts phases, readiness, restarts and its own finalizer. */
const relevant = (pod: PodView, old: PodView): boolean =>
  pod.status?.phase !== old.status?.phase ||
  isPodReady(pod) !== isPodReady(old) ||
  isTracked(pod) !== isTracked(old) ||
  restarts(pod) !== restarts(old)

const restarts = ({ status }: PodView): number =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].reduce(
    (sum, { restartCount }) => sum + restartCount,
    0,
  )
