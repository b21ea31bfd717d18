import { initContainersOf, isSidecar, type ContainerStatus, type Pod } from '../types.ts'

type Statuses = readonly ContainerStatus[]

/** By kind of container, each in the order of the spec or of names. */
export interface StatusesByKind {
  init: Statuses
  regular: Statuses
  ephemeral: Statuses
}

/**
 * In a pod that has ended no container that was to run is waiting or running any more: those whose end nobody saw have
 * failed. Where initialization failed, what would have come after it waits for ever.
 * Source: statusManager.TerminatePod.
 */
export function withKnownEnd(pod: Pod, { init, regular, ephemeral }: StatusesByKind): StatusesByKind {
  const begun = 1 + init.findLastIndex(({ state, lastState }) => !state?.waiting || lastState?.terminated)
  return {
    // One that has done its work stays ready.
    init: init.map((status, i) => (i < Math.max(1, begun) ? ended(status) : status)),
    regular: (isInitialized(pod, init, regular) ? regular.map(ended) : regular).map(idle),
    ephemeral: ephemeral.map(ended).map(idle),
  }
}

/** Source: hasPodInitialized. */
function isInitialized(pod: Pod, init: Statuses, regular: Statuses): boolean {
  const last = initContainersOf(pod).at(-1)
  if (!last || regular.some(({ state, lastState }) => !state?.waiting || lastState?.terminated)) return true
  const { state, started } = init.at(-1) ?? {}
  return isSidecar(last) ? Boolean(state?.running && started) : state?.terminated?.exitCode === 0
}

const idle = (status: ContainerStatus): ContainerStatus => ({ ...status, ready: false, started: false })

function ended(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated) return status
  const before = status.state?.waiting && status.lastState?.terminated
  const message = 'The container could not be located when the pod was terminated'
  const terminated = before || { exitCode: 137, reason: 'ContainerStatusUnknown', message }
  return { ...idle(status), state: { terminated }, lastState: {} }
}
