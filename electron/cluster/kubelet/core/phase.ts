import { containersOf, initContainersOf, isSidecar, type ContainerStatus, type Pod } from '../types.ts'
import { restartsAfterExit, restartsInit } from './restart.ts'

type Statuses = readonly ContainerStatus[]
const find = (statuses: Statuses, name: string) => statuses.find((status) => status.name === name)

/** Whether a regular container has ever started, so that the pod has been initialized before. */
export function hasRegularContainerStarted(pod: Pod, statuses: Statuses): boolean {
  return containersOf(pod).some(({ name }) => {
    const status = find(statuses, name)
    const running = status?.state?.running ?? status?.state?.terminated
    return Boolean(running ?? status?.lastState?.terminated)
  })
}

/**
 * The phase that the containers' statuses (init and regular) add up to. `ended` says that nothing will run again,
 * whatever the restart policy. Source: kubelet's getPhase.
 */
export function phaseOf(pod: Pod, statuses: Statuses, ended: boolean): string {
  let pendingInit = 0
  let failedInit = 0
  let restarts = 0
  let unknown = 0
  let running = 0
  let waiting = 0
  let stopped = 0
  let succeeded = 0

  for (const container of initContainersOf(pod)) {
    const status = find(statuses, container.name)
    const { running: runs, terminated, waiting: waits } = status?.state ?? {}
    const before = status?.lastState?.terminated
    if (isSidecar(container)) {
      if (!status) unknown++
      else if (runs) {
        if (!status.started) pendingInit++
        running++
      } else if (waits && !before) {
        pendingInit++
        waiting++
      }
      continue
    }
    const failure = terminated ?? (waits && before)
    if (failure && failure.exitCode !== 0) {
      if (!restartsInit(pod, container, failure.exitCode)) failedInit++
    } else if (!terminated && !(waits && before)) pendingInit++
  }

  for (const container of containersOf(pod)) {
    const status = find(statuses, container.name)
    const { running: runs, terminated, waiting: waits } = status?.state ?? {}
    const end = terminated ?? (waits && status?.lastState?.terminated)
    if (runs) running++
    else if (end) {
      stopped++
      if (end.exitCode === 0) succeeded++
      if (restartsAfterExit(pod, container, end.exitCode)) restarts++
    } else if (waits) waiting++
    else unknown++
  }

  if (failedInit) return 'Failed'
  if (pendingInit && !hasRegularContainerStarted(pod, statuses)) return 'Pending'
  if (waiting) return 'Pending'
  if (running && !unknown) return 'Running'
  if (!running && stopped && !unknown) {
    // What runs again has not ended.
    if (restarts && !ended) return 'Running'
    return stopped === succeeded ? 'Succeeded' : 'Failed'
  }
  return 'Pending'
}
