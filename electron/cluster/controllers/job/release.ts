import type { Pod } from 'kubernetes-types/core/v1'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { jobs, pods } from '#shared/kube/resources.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { objectKey, type Decision, type Step } from '../framework/action.ts'
import { decider, type Controller, type Watch } from '../framework/controller.ts'
import { childIndexes } from '../framework/owned.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'
import { isFinished } from './conditions.ts'
import { removeFinalizer } from './manage.ts'
import { isTracked } from './pods.ts'
import { isManagedElsewhere, type JobView } from './types.ts'

/** Takes the finalizer off pods that no job will count any more. Keys are pods. */
export function jobPodReleaser({ informers }: { informers: InformerFactory }): Controller {
  const all = informers.for(jobs)
  const children = informers.for(pods)
  const { byController } = childIndexes(children)
  const jobOf = (pod: PodView): JobView | undefined => {
    const owner = controllerOf(pod as KubeObject)
    const job = owner && all.lister.get(`${pod.metadata?.namespace}/${owner.name}`)
    return job?.metadata?.uid === owner?.uid ? job : undefined
  }
  const stranded = (pod: PodView): boolean => isTracked(pod) && mayBeStranded(pod, jobOf(pod))
  const fromPods: Watch = {
    synced: () => children.whenSynced(),
    start: (enqueue) => {
      const seen = (pod: PodView) => {
        if (stranded(pod)) enqueue(keyOf(pod as KubeObject), referenceTo(pods, pod) as TraceRef)
      }
      return children.handle({ add: seen, update: seen })
    },
  }
  const fromJobs: Watch = {
    synced: () => all.whenSynced(),
    start: (enqueue) => {
      const ended = (job: JobView) => {
        const cause = referenceTo(jobs, job) as TraceRef
        for (const pod of byController.get(job.metadata?.uid ?? ''))
          if (isTracked(pod)) enqueue(keyOf(pod as KubeObject), cause)
      }
      return all.handle({
        update: (job, old) => void (isFinished(job) && !isFinished(old) && ended(job)),
        delete: ended,
      })
    },
  }
  return decider({
    name: 'job-controller',
    workers: 5,
    writesTo: [children],
    watches: [fromPods, fromJobs],
    observe(key) {
      const pod = children.lister.get(key)
      return pod && stranded(pod) ? pod : undefined
    },
    reconcile: freePod,
  })
}

const isOfJob = (pod: PodView): boolean => {
  const owner = controllerOf(pod as KubeObject)
  return owner?.kind === jobs.kind && owner.apiVersion === 'batch/v1'
}

function mayBeStranded(pod: PodView, job: JobView | undefined): boolean {
  if (!controllerOf(pod as KubeObject)) return true
  if (!isOfJob(pod)) return false
  return !job || (isFinished(job) && !isManagedElsewhere(job))
}

/**
 * A job that the cache lacks may be there all the same, and then it counts this pod: the server has the last word.
 */
export function freePod(pod: Frozen<Pod>): Decision {
  // By this very version: a job that adopts the pod meanwhile wants the finalizer.
  const { resourceVersion = '' } = pod.metadata ?? {}
  const free: Step[] = [{ ...removeFinalizer(pod, { resourceVersion }), tolerate: (error) => error.code === 404 }]
  const owner = controllerOf(pod as KubeObject)
  if (!owner) return { steps: free }
  return {
    steps: [
      {
        verb: 'read',
        type: jobs,
        key: { ...objectKey(pod as KubeObject), name: owner.name },
        then(live) {
          const job = live as JobView | undefined
          return job?.metadata?.uid === owner.uid && !mayBeStranded(pod, job) ? [] : free
        },
      },
    ],
  }
}
