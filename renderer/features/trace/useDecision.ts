import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { ObjectTarget } from '../../app/target.ts'
import { refOf } from '../../data/kinds.ts'
import { useChannel } from '../../data/useChannel.ts'
import { schedulingDecisions, type SchedulingDecision } from '#shared/kube/trace.ts'
import { isServed } from './served.ts'

/**
 * What the scheduler decided about a pod, asked anew whenever `when` gives another text; nothing while it gives none,
 * where nothing is known, and where it may not be asked.
 */
export function useDecision(
  target: () => ObjectTarget,
  when: () => string | undefined,
): Readonly<ShallowRef<SchedulingDecision | undefined>> {
  const channel = useChannel()
  const decision = shallowRef<SchedulingDecision>()
  let asking: AbortController | undefined
  const ask = async (): Promise<void> => {
    const { signal } = (asking = new AbortController())
    const { context, namespace, name } = target()
    const ref = { context, resource: refOf(schedulingDecisions), ...(namespace ? { namespace } : {}), name }
    const found = await channel.request('object.get', ref, signal).catch(() => undefined)
    if (!signal.aborted) decision.value = found as SchedulingDecision | undefined
  }
  watch(
    () => (isServed(schedulingDecisions) ? when() : undefined),
    (now) => {
      asking?.abort()
      if (now === undefined) decision.value = undefined
      else void ask()
    },
    { immediate: true },
  )
  onScopeDispose(() => asking?.abort())
  return decision
}
