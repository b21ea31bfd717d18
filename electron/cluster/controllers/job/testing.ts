import type { Job } from 'kubernetes-types/batch/v1'
import type { Pod } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { jobs, pods } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { readyStatus } from '../framework/testing/builders.ts'
import { jobController } from './controller.ts'
import { completionIndex } from './pods.ts'
import { jobPodReleaser } from './release.ts'

/** The loops of jobs against a fake API server, and the hands of a kubelet. */
interface Hands {
  job(name?: string): Job
  status(name?: string): Record<string, unknown>
  condition(type: string): { status: string; reason?: string; message?: string } | undefined
  pods(phase?: string): Pod[]
  /** Of all pods, in order. */
  indexes(): number[]
  /** Schedules and runs a pod; all that are pending without a name. */
  start(name?: string): void
  end(name: string, phase: 'Succeeded' | 'Failed', exitCode?: number): void
  edit(change: (job: Job) => void): void
}

export type JobHarness = Harness & Hands

export const startJobs = (...objects: KubeObject[]): Promise<JobHarness> => startLeaders(1, ...objects)

/** Several of each loop, none knowing of the others: as while one leader has not noticed that it is no longer one. */
export async function startLeaders(leaders: number, ...objects: KubeObject[]): Promise<JobHarness> {
  const h = await harness(
    (parts) => Array.from({ length: leaders }, () => [jobController(parts), jobPodReleaser(parts)]).flat(),
    objects,
  )
  const { client, clock } = h
  const keyOf = (name: string) => ({ namespace: 'default', name })
  const job = (name = 'work') => client.find(jobs, keyOf(name))!
  const change = (name: string, mutate: (pod: Pod) => void) => client.change(pods, keyOf(name), mutate)
  const all = (phase?: string) => client.stored(pods).filter(({ status }) => !phase || status?.phase === phase)
  const hands: Hands = {
    job,
    status: (name?: string) => job(name).status as Record<string, unknown>,
    condition: (type: string) => job().status?.conditions?.find((each) => each.type === type),
    pods: all,
    indexes: () =>
      all()
        .flatMap((pod) => completionIndex(pod) ?? [])
        .sort((a, b) => a - b),
    start(name?: string) {
      for (const { metadata } of all('Pending'))
        if (!name || metadata?.name === name)
          change(metadata!.name!, (pod) =>
            Object.assign(pod, { spec: { ...pod.spec, nodeName: 'n' }, status: readyStatus() }),
          )
    },
    end(name, phase, exitCode = phase === 'Succeeded' ? 0 : 1) {
      const finishedAt = timestamp(clock.now())
      const containerStatuses = [
        {
          name: 'c',
          image: 'i',
          imageID: 'i',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode, finishedAt } },
        },
      ]
      change(name, (pod) => Object.assign(pod, { status: { phase, containerStatuses } }))
    },
    edit: (mutate: (job: Job) => void) =>
      void client.change(jobs, keyOf('work'), (each) => {
        mutate(each)
        Object.assign(each.metadata!, { generation: (each.metadata?.generation ?? 0) + 1 })
      }),
  }
  return Object.defineProperties(hands, Object.getOwnPropertyDescriptors(h)) as JobHarness
}
