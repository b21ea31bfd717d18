import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { RequestMethod, RequestParams, RequestResult } from '#shared/ipc/contract.ts'
import { isCancelled, problemOf, type Problem } from '../../data/errors.ts'
import { useChannel } from '../../data/useChannel.ts'

export interface Answer<R> {
  /** Of the latest question; the one before stays until it is here. */
  readonly value: Readonly<ShallowRef<R | undefined>>
  readonly problem: Readonly<ShallowRef<Problem | undefined>>
  readonly busy: Readonly<ShallowRef<boolean>>
  again(): void
}

/** Asks whenever the question is another one; undefined: there is nothing to ask. */
export function useAnswer<M extends RequestMethod>(
  method: M,
  question: () => RequestParams<M> | undefined,
): Answer<RequestResult<M>> {
  const channel = useChannel()
  const value = shallowRef<RequestResult<M>>()
  const problem = shallowRef<Problem>()
  const busy = shallowRef(false)
  let abort = new AbortController()

  async function ask(): Promise<void> {
    abort.abort()
    abort = new AbortController()
    const { signal } = abort
    const params = question()
    problem.value = undefined
    busy.value = params !== undefined
    if (params === undefined) return void (value.value = undefined)
    try {
      const answer = await channel.request(method, params, signal)
      if (!signal.aborted) value.value = answer
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return
      problem.value = problemOf(error)
      value.value = undefined
    } finally {
      if (!signal.aborted) busy.value = false
    }
  }
  watch(() => JSON.stringify(question()), ask, { immediate: true })
  onScopeDispose(() => abort.abort())
  return { value, problem, busy, again: () => void ask() }
}
