import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { problemOf, type Problem } from '../../data/errors.ts'
import type { Channel } from '../../data/channel.ts'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'

interface SampleManifest {
  title: string
  description: string
  yaml: string
}

export interface SampleFlow {
  step: Ref<'hello' | 'read' | 'rollout'>
  sample: Readonly<ShallowRef<SampleManifest | undefined>>
  outcomes: Readonly<ShallowRef<readonly ApplyOutcome[]>>
  problem: Readonly<Ref<Problem | undefined>>
  busy: Readonly<Ref<boolean>>
  read(): Promise<void>
  apply(context: string): Promise<void>
}

export const sampleNamespace = 'default'

/** Hello → the manifest → its rollout. */
export function useSample(channel: Channel, absent: () => string): SampleFlow {
  const step = ref<'hello' | 'read' | 'rollout'>('hello')
  const sample = shallowRef<SampleManifest>()
  const outcomes = shallowRef<readonly ApplyOutcome[]>([])
  const problem = ref<Problem>()
  const busy = ref(false)

  async function guarded(work: () => Promise<void>): Promise<void> {
    busy.value = true
    problem.value = undefined
    try {
      await work()
    } catch (error) {
      problem.value = problemOf(error)
    } finally {
      busy.value = false
    }
  }
  return {
    step,
    sample,
    outcomes,
    problem,
    busy,
    read: () =>
      guarded(async () => {
        const samples = await channel.request('samples.list', {})
        sample.value = samples.find(({ name }) => name === 'hello') ?? samples[0]
        if (!sample.value) throw new Error(absent())
        step.value = 'read'
      }),
    apply: (context) =>
      guarded(async () => {
        outcomes.value = await channel.request('object.apply', {
          context,
          yaml: sample.value?.yaml ?? '',
          namespace: sampleNamespace,
          dryRun: false,
        })
        step.value = 'rollout'
      }),
  }
}
