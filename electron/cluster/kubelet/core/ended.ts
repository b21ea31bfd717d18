import type { ContainerStatus } from '../types.ts'

/**
 * In a pod that has ended no container is waiting or running any more: those whose end nobody saw have failed.
 * Source: statusManager.TerminatePod.
 */
export function withKnownEnd(statuses: readonly ContainerStatus[]): ContainerStatus[] {
  return statuses.map((status) => {
    if (status.state?.terminated) return { ...status, ready: false, started: false }
    const before = status.state?.waiting && status.lastState?.terminated
    const message = 'The container could not be located when the pod was terminated'
    const terminated = before || { exitCode: 137, reason: 'ContainerStatusUnknown', message }
    const { lastState: _, ...rest } = status
    return { ...rest, state: { terminated }, lastState: {}, ready: false, started: false }
  })
}
