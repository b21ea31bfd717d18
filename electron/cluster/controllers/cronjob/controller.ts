import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { cronJobs, jobs } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { KubeClient } from '../../client/api.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { watch, type Controller, type Watch } from '../framework/controller.ts'
import { childIndexes } from '../framework/owned.ts'
import { clockJumps } from '../framework/support/clock-jumps.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import { endOf, type JobView } from './jobs.ts'
import { reconcile, timetableOf, type Observed } from './reconcile.ts'
import { nextLook, type CronJobView } from './times.ts'

interface Deps {
  readonly informers: InformerFactory
  readonly client: KubeClient
  readonly clock: Clock
}

/** Makes jobs when their schedules say so. */
export function cronJobController(deps: Deps): Controller {
  const { informers, clock } = deps
  const all = informers.for(cronJobs)
  const children = informers.for(jobs)
  const { byController } = childIndexes(children)
  const ownerOf = (job: JobView): string[] => {
    const owner = controllerOf(job as KubeObject)
    const key = `${job.metadata?.namespace}/${owner?.name}`
    return owner?.kind === cronJobs.kind && all.lister.get(key)?.metadata?.uid === owner.uid ? [key] : []
  }
  const schedules: Watch = {
    synced: () => all.whenSynced(),
    start: (enqueue) => {
      const look = (cronJob: CronJobView, after = 0) =>
        enqueue(keyOf(cronJob as KubeObject), referenceTo(cronJobs, cronJob) as TraceRef, after)
      return all.handle({
        add: (cronJob) => look(cronJob),
        // A new schedule begins with its next time: what it would have missed is no miss.
        update: (cronJob, old) => look(cronJob, isRescheduled(cronJob, old) ? firstLook(cronJob, clock.now()) : 0),
      })
    },
  }
  return {
    name: 'cronjob-controller',
    workers: 5,
    writesTo: [all, children],
    watches: [
      schedules,
      watch(children, (job, old) => new Set([...ownerOf(job), ...(old ? ownerOf(old) : [])])),
      clockJumps({ clock }, () => all.lister.list().map((cronJob) => keyOf(cronJob as KubeObject))),
    ],
    async sync(key, { decide, now }) {
      const cronJob = all.lister.get(key)
      if (!cronJob) return
      const observed = await verify(deps.client, cronJob, byController.get(cronJob.metadata?.uid ?? ''))
      const decision = reconcile(observed, now)
      await decide(decision)
      return decision
    },
  }
}

const isRescheduled = (cronJob: CronJobView, old: CronJobView): boolean =>
  cronJob.spec?.schedule !== old.spec?.schedule || cronJob.spec?.timeZone !== old.spec?.timeZone

function firstLook(cronJob: CronJobView, now: number): number {
  const timetable = timetableOf(cronJob)
  return 'verb' in timetable ? 0 : nextLook(cronJob, timetable, now)
}

/** Where the caches disagree about which jobs are active, the server is asked. */
async function verify(client: KubeClient, cached: CronJobView, children: readonly JobView[]): Promise<Observed> {
  const listed = (cronJob: CronJobView, uid: string) => cronJob.status?.active?.some((each) => each.uid === uid)
  const unlisted = children.some((job) => !endOf(job) && !listed(cached, job.metadata?.uid ?? ''))
  const { namespace, name = '', uid } = cached.metadata ?? {}
  const live = unlisted ? await client.get(cronJobs, { namespace, name }) : undefined
  const cronJob = live?.metadata?.uid === uid && live ? live : cached
  const known = new Set(children.map((job) => job.metadata?.uid))
  const missing = new Set<string>()
  for (const reference of cronJob.status?.active ?? []) {
    if (known.has(reference.uid)) continue
    const job = await client.get(jobs, { namespace, name: reference.name ?? '' }).catch(undefinedIfNotFound)
    if (!job) missing.add(reference.uid ?? '')
  }
  return { cronJob, children, missing }
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
