import { containersOf, initContainersOf, isSidecar, type ContainerStatus, type Pod } from '../types.ts'

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
  const policy = pod.spec?.restartPolicy ?? 'Always'
  let pendingInit = 0
  let failedInit = 0
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
    if (terminated ? terminated.exitCode !== 0 : waits && before && before.exitCode !== 0) failedInit++
    else if (!terminated && !(waits && before)) pendingInit++
  }

  for (const { name } of containersOf(pod)) {
    const status = find(statuses, name)
    const { running: runs, terminated, waiting: waits } = status?.state ?? {}
    if (runs) running++
    else if (terminated) {
      stopped++
      if (terminated.exitCode === 0) succeeded++
    } else if (waits && status?.lastState?.terminated) stopped++
    else if (waits) waiting++
    else unknown++
  }

  if (failedInit && policy === 'Never') return 'Failed'
  if (pendingInit && !hasRegularContainerStarted(pod, statuses)) return 'Pending'
  if (waiting) return 'Pending'
  if (running && !unknown) return 'Running'
  if (!running && stopped && !unknown) {
    if (ended) return stopped === succeeded ? 'Succeeded' : 'Failed'
    if (policy === 'Always') return 'Running'
    if (stopped === succeeded) return 'Succeeded'
    return policy === 'Never' ? 'Failed' : 'Running'
  }
  return 'Pending'
}
