import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { NodeDirectories } from '../directories.ts'
import { latestContainer, type Pod, type PodRuntime } from '../types.ts'

/**
 * The number of the next run of a container, which is its restart count: one more than the last run that the runtime,
 * the log files or the API remember, for a runtime may forget everything when the node restarts.
 */
export async function nextAttempt(
  pod: Pod,
  name: string,
  runtime: PodRuntime,
  directories: NodeDirectories,
): Promise<number> {
  const last = latestContainer(runtime, name)
  if (last) return last.attempt + 1
  const logs = await readdir(path.join(directories.podLogs(pod), name)).catch(() => [])
  const logged = logs.map((file) => Number(/^(\d+)\.log$/.exec(file)?.[1] ?? -1))
  return Math.max(0, ...logged.map((attempt) => attempt + 1), reported(pod, name))
}

/** A status without a container id already counts the run to come (see core/container-statuses.ts). */
function reported(pod: Pod, name: string): number {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  const status = [...initContainerStatuses, ...containerStatuses].find((candidate) => candidate.name === name)
  if (!status) return 0
  return status.containerID ? status.restartCount + 1 : status.restartCount
}
