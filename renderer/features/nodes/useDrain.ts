import { computed, onMounted, onScopeDispose, ref, shallowRef } from 'vue'
import type { ObjectTarget } from '../../app/target.ts'
import type { Conversation } from '../../data/channel.ts'
import { problemOf, type Problem } from '../../data/errors.ts'
import { useChannel } from '../../data/useChannel.ts'
import type { DrainConsent, DrainPlan, DrainPod, DrainProgress, DrainState } from '#shared/ipc/nodes.ts'

/** A pod of the plan and how far it is. */
export interface ShownPod extends DrainPod {
  state: DrainState
  message?: string | undefined
}

/** The drain of a node: its plan, then its progress. It stops when whoever uses it goes away. */
export function useDrain(target: ObjectTarget) {
  const channel = useChannel()
  const plan = shallowRef<DrainPlan>()
  const progress = shallowRef<DrainProgress>()
  const consents = ref<DrainConsent[]>([])
  const phase = ref<'planning' | 'planned' | 'running' | 'stopped' | 'finished'>('planning')
  const problem = shallowRef<Problem>()
  let conversation: Conversation<'node.drain'> | undefined

  const node = { context: target.context, name: target.name }
  async function look(): Promise<void> {
    problem.value = undefined
    try {
      plan.value = await channel.request('node.drainPlan', node)
      phase.value = 'planned'
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  onMounted(look)

  const needing = (need: DrainConsent): number =>
    plan.value?.pods.filter(({ needs }) => needs.includes(need)).length ?? 0
  const needed = computed(() => (['emptyDir', 'unmanaged'] as const).filter(needing))
  const ready = computed(() => phase.value === 'planned' && needed.value.every((need) => consents.value.includes(need)))
  const pods = computed<ShownPod[]>(() => {
    const now = new Map(progress.value?.pods.map((pod) => [pod.uid, pod]))
    const shown = (plan.value?.pods ?? []).map((pod): ShownPod => {
      const { state = pod.stays ? 'left' : 'waiting', message } = now.get(pod.uid) ?? {}
      return { ...pod, state, message }
    })
    // Those that stay tell nothing new: below the others.
    return shown.toSorted((a, b) => Number(a.state === 'left') - Number(b.state === 'left'))
  })
  const count = (...states: DrainState[]): number => pods.value.filter(({ state }) => states.includes(state)).length

  function start(): void {
    if (!ready.value) return
    phase.value = 'running'
    problem.value = undefined
    const wish = { ...node, consents: needed.value }
    conversation = channel.openOnce('node.drain', wish, {
      message: (value) => (progress.value = value),
      close(error) {
        conversation = undefined
        if (error) problem.value = problemOf(error)
        phase.value = error ? (progress.value?.cordoned ? 'stopped' : 'planned') : 'finished'
      },
    })
  }
  function stop(): void {
    conversation?.close()
    conversation = undefined
    if (phase.value === 'running') phase.value = 'stopped'
  }
  onScopeDispose(stop)

  return { plan, consents, needed, needing, ready, phase, problem, pods, count, start, stop, look }
}
