import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import type { StreamDown, StreamMethod, StreamParams } from '#shared/ipc/contract.ts'
import { useChannel } from './useChannel.ts'

/** The latest message of a stream that says the whole of its state each time. */
export function useStream<M extends StreamMethod>(
  method: M,
  params: StreamParams<M>,
): Readonly<ShallowRef<StreamDown<M> | undefined>> {
  const latest = shallowRef<StreamDown<M>>()
  const conversation = useChannel().open(method, () => params, { message: (value) => (latest.value = value) })
  onScopeDispose(() => conversation.close())
  return latest
}
