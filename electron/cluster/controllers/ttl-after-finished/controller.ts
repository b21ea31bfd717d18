import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { jobs } from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { clockJumps } from '../framework/support/clock-jumps.ts'
import { reconcile, timeLeft } from './reconcile.ts'

/** Deletes jobs whose time after their end is over. */
export function ttlAfterFinishedController({
  informers,
  clock,
}: {
  informers: InformerFactory
  clock: Clock
}): Controller {
  const all = informers.for(jobs)
  const mortal = all.index('mortal', (job) => (timeLeft(job, 0) === undefined ? [] : ['']))
  return decider({
    name: 'ttl-after-finished-controller',
    workers: 5,
    watches: [
      watch(all, (job) => (timeLeft(job, 0) === undefined ? [] : [keyOf(job as KubeObject)])),
      clockJumps({ clock }, () => mortal.get('').map((job) => keyOf(job as KubeObject))),
    ],
    observe: (key) => all.lister.get(key),
    reconcile,
  })
}
