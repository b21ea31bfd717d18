import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { cronJobs, jobs, pods } from '#shared/kube/resources.ts'
import { timestamp } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { cronJobController } from './cronjob/controller.ts'
import { cronJob, job, readyStatus } from './framework/testing/builders.ts'
import type { Harness, HarnessParts } from './framework/testing/harness.ts'
import {
  below,
  isActive,
  one,
  patience,
  playAll,
  podKey,
  podsOf,
  type Property,
} from './framework/testing/schedules.ts'
import { jobController } from './job/controller.ts'
import { completionIndex } from './job/pods.ts'
import { jobPodReleaser } from './job/release.ts'

const key = { namespace: 'default', name: 'work' }
const tracking = 'batch.kubernetes.io/job-tracking'
const ended = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'
const isTracked = ({ metadata }: Pod) => metadata?.finalizers?.includes(tracking) ?? false
const isOver = ({ status }: Job) =>
  status?.conditions?.some(({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed')) ??
  false

/** Scheduler and kubelet for pods that run once. Deletion waits for the finalizer, as on the real server. */
function work(h: Harness, pod: Pod, random: Random | undefined): void {
  const { deletionTimestamp, finalizers } = pod.metadata!
  const end = (phase: string) => {
    const at = timestamp(h.clock.now())
    const exitCode = phase === 'Succeeded' ? 0 : 1
    const containerStatuses = [
      {
        name: 'c',
        image: 'i',
        imageID: 'i',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode, finishedAt: at } },
      },
    ]
    h.client.change(pods, podKey(pod), (found) => Object.assign(found, { status: { phase, containerStatuses } }))
  }
  if (deletionTimestamp && !ended(pod)) return end('Failed')
  if (deletionTimestamp) return finalizers?.length ? undefined : h.client.remove(pods, podKey(pod))
  if (ended(pod)) return
  if (pod.status?.phase === 'Running') return end((random?.next() ?? 1) < 0.2 ? 'Failed' : 'Succeeded')
  h.client.change(pods, podKey(pod), (found) =>
    Object.assign(found, { spec: { ...found.spec, nodeName: 'n' }, status: readyStatus(timestamp(h.clock.now())) }),
  )
}

const world: Property['world'] = (h, random) => {
  const pod = one(random, podsOf(h))
  if (pod) work(h, pod, random)
}
const calmWorld: Property['calmWorld'] = (h) => {
  for (const pod of podsOf(h)) work(h, pod, undefined)
}
const jobLoops = (parts: HarnessParts) => [jobController(parts), jobPodReleaser(parts)]

const ofJob = (completionMode: string): Property => {
  const completions = 5
  const parallelism = 3
  return {
    controllers: jobLoops,
    objects: [job('work', { spec: { completions, parallelism, completionMode, backoffLimit: 1000 } }) as KubeObject],
    kinds: [pods, jobs],
    world,
    calmWorld,
    users: [
      (h, random) =>
        void h.client.change(jobs, key, (found) => {
          if (isOver(found)) return
          found.spec!.parallelism = below(random, parallelism + 1)
          Object.assign(found.metadata!, { generation: (found.metadata!.generation ?? 0) + 1 })
        }),
    ],
    guard({ client }, { verb, resource, name, body }) {
      if (resource !== 'pods' || verb !== 'patch') return
      // What has ended may be let go only when status knows of it: else it is lost to the account.
      const pod = client.find(pods, { namespace: 'default', name })
      const { resourceVersion, ...rest } = (body as Pod).metadata!
      // By another version than it has, the server refuses it.
      const isRefused = resourceVersion && resourceVersion !== pod?.metadata?.resourceVersion
      const frees = !isRefused && '$deleteFromPrimitiveList/finalizers' in rest
      const found = client.find(jobs, key)!
      if (!pod || !frees || !ended(pod) || isOver(found)) return
      const { uncountedTerminatedPods: uncounted, completedIndexes = '' } = found.status ?? {}
      const uid = pod.metadata!.uid!
      const index = completionIndex(pod)
      const known =
        uncounted?.succeeded?.includes(uid) ||
        uncounted?.failed?.includes(uid) ||
        (index !== undefined && completedIndexes !== '' && pod.status?.phase === 'Succeeded')
      if (!known) throw new Error(`${name} is let go uncounted`)
    },
    always(h) {
      const found = h.client.find(jobs, key)!
      const running = podsOf(h).filter(isActive)
      expect(running.length, 'pods at once').toBeLessThanOrEqual(parallelism)
      expect(found.status?.succeeded ?? 0, 'successes').toBeLessThanOrEqual(completions)
      if (completionMode !== 'Indexed') return
      const indexes = running.map(completionIndex)
      expect(new Set(indexes).size, 'indexes at work').toBe(indexes.length)
    },
    finally(h) {
      if (!h.client.find(jobs, key)!.spec!.parallelism) return
      expect(h.client.find(jobs, key)!.status).toMatchObject({ succeeded: completions })
      expect(isOver(h.client.find(jobs, key)!)).toBe(true)
      expect(podsOf(h).filter(isTracked)).toEqual([])
      const { failed = 0 } = h.client.find(jobs, key)!.status!
      // Failed pods may have been removed since; of those that are there each was counted.
      expect(podsOf(h).filter(({ status }) => status?.phase === 'Failed').length).toBeLessThanOrEqual(failed)
    },
  }
}

const cronKey = { namespace: 'default', name: 'tick' }
const ofCronJob = (concurrencyPolicy: string): Property => {
  const made = new Set<string>()
  return {
    controllers: (parts) => [cronJobController(parts), ...jobLoops(parts)],
    objects: [
      cronJob('tick', {
        spec: { schedule: '* * * * *', concurrencyPolicy, jobTemplate: { spec: job('tick').spec! } },
      }) as KubeObject,
    ],
    kinds: [cronJobs, jobs, pods],
    world,
    calmWorld(h, random) {
      h.client.change(cronJobs, cronKey, (found: CronJob) => (found.spec!.suspend = true))
      calmWorld(h, random)
    },
    users: [
      (h, random) => h.client.change(cronJobs, cronKey, (found) => (found.spec!.suspend = random.next() < 0.2)),
      (h, random) => {
        const done = one(random, h.client.stored(jobs).filter(isOver))
        if (done) h.client.remove(jobs, podKey(done))
      },
    ],
    guard({ client }, { verb, resource, body }) {
      if (verb !== 'create' || resource !== 'jobs') return
      const { name } = (body as Job).metadata!
      // The name says the time: once is enough, also when the job of that time is gone.
      if (made.has(name!) && !client.find(jobs, { namespace: 'default', name: name! }))
        throw new Error(`${name} is made a second time`)
      made.add(name!)
    },
    always(h) {
      if (concurrencyPolicy === 'Allow') return
      const running = h.client.stored(jobs).filter((each) => !isOver(each) && !each.metadata?.deletionTimestamp)
      expect(running.length, 'jobs at once').toBeLessThanOrEqual(1)
    },
    finally(h) {
      made.clear()
      expect(h.client.stored(jobs).filter((each) => !isOver(each))).toEqual([])
      expect(h.client.find(cronJobs, cronKey)?.status?.active ?? []).toEqual([])
      expect(h.client.stored(jobs).length).toBeLessThanOrEqual(4)
    },
  }
}

describe.each<[string, () => Property]>([
  ['a job', () => ofJob('NonIndexed')],
  ['an indexed job', () => ofJob('Indexed')],
  ['a cron job whose jobs overlap', () => ofCronJob('Allow')],
  ['a cron job one at a time', () => ofCronJob('Forbid')],
  ['a cron job that replaces', () => ofCronJob('Replace')],
])('%s', (_, property) => {
  it(
    'ends as it should, and never has what it must not have, whatever happens on the way',
    async () => expect(await playAll(property)).toBeGreaterThan(0),
    patience,
  )
})
