import {
  computed,
  onScopeDispose,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type ShallowRef,
} from 'vue'
import type { ObjectRef } from '#shared/ipc/objects.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Conversation } from './channel.ts'
import type { ChannelFailure } from './errors.ts'
import { useChannel } from './useChannel.ts'

export interface LiveObject<T extends KubeObject> {
  readonly object: Readonly<ShallowRef<T | undefined>>
  /** It was there and is deleted; `object` keeps its last state. */
  readonly gone: Readonly<ShallowRef<boolean>>
  readonly error: Readonly<ShallowRef<ChannelFailure | undefined>>
  readonly loading: ComputedRef<boolean>
  retry(): void
}

/** One object, again on every change. `T` is the caller's knowledge of what kind the reference names. */
export function useObject<T extends KubeObject = KubeObject>(
  ref: MaybeRefOrGetter<ObjectRef | undefined>,
): LiveObject<T> {
  const channel = useChannel()
  const object = shallowRef<T>()
  const gone = shallowRef(false)
  const error = shallowRef<ChannelFailure>()
  let conversation: Conversation<'object.watch'> | undefined

  function start(): void {
    conversation?.close()
    const asked = toValue(ref)
    conversation = undefined
    error.value = undefined
    if (!asked) return
    conversation = channel.open('object.watch', () => asked, {
      message: (message) => {
        gone.value = message.gone === true
        if (message.object !== undefined) object.value = message.object as T
      },
      close: (failure) => {
        conversation = undefined
        error.value = failure
      },
    })
  }
  watch(
    () => JSON.stringify(toValue(ref)),
    () => {
      object.value = undefined
      gone.value = false
      start()
    },
    { immediate: true },
  )
  onScopeDispose(() => conversation?.close())
  return {
    object,
    gone,
    error,
    loading: computed(() => !object.value && !gone.value && !error.value),
    retry: start,
  }
}
