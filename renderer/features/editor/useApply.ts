import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { problemOf, type Problem } from '../../data/errors.ts'
import type { Channel } from '../../data/channel.ts'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import { complaintsOf, type Complaint } from './complaints.ts'

export interface ApplyFlow {
  readonly busy: Readonly<Ref<boolean>>
  /** What the server would do, or did; undefined while the text is edited. */
  readonly outcomes: Readonly<ShallowRef<readonly ApplyOutcome[] | undefined>>
  readonly problem: Readonly<Ref<Problem | undefined>>
  readonly complaints: Readonly<ShallowRef<readonly Complaint[]>>
  readonly conflict: ComputedRef<boolean>
  /** Asks what would happen. */
  review(text: string, resourceVersion: string | undefined): Promise<void>
  /** Answers true when every document was taken. */
  apply(text: string, resourceVersion: string | undefined): Promise<boolean>
  back(): void
}

/** Text → what the server would make of it → done. Nothing is applied that was not reviewed. */
export function useApply(channel: Channel, where: () => { context: string; namespace: string }): ApplyFlow {
  const busy = ref(false)
  const outcomes = shallowRef<readonly ApplyOutcome[]>()
  const problem = ref<Problem>()
  const complaints = shallowRef<readonly Complaint[]>([])

  async function run(
    text: string,
    resourceVersion: string | undefined,
    dryRun: boolean,
  ): Promise<readonly ApplyOutcome[] | undefined> {
    busy.value = true
    problem.value = undefined
    try {
      const answer = await channel.request('object.apply', {
        ...where(),
        yaml: text,
        dryRun,
        ...(resourceVersion ? { resourceVersion } : {}),
      })
      outcomes.value = answer
      complaints.value = complaintsOf(text, answer)
      return answer
    } catch (error) {
      problem.value = problemOf(error)
      return undefined
    } finally {
      busy.value = false
    }
  }
  return {
    busy,
    outcomes,
    problem,
    complaints,
    conflict: computed(() => outcomes.value?.some(({ error }) => error?.reason === 'Conflict') ?? false),
    async review(text, resourceVersion) {
      await run(text, resourceVersion, true)
    },
    async apply(text, resourceVersion) {
      const answer = await run(text, resourceVersion, false)
      return answer?.every(({ outcome }) => outcome !== 'failed') ?? false
    },
    back() {
      outcomes.value = undefined
      problem.value = undefined
    },
  }
}
