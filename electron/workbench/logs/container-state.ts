import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1'

/** What a log stream needs to know of its container. */
export interface ContainerState {
  /** Changes with every start of the container. */
  run: string
  state: 'waiting' | 'running' | 'stopped'
  /** Will not start again. */
  over: boolean
  /** The state in words, such as `CrashLoopBackOff` or `exit code 1`. */
  word: string
}

/** Of the named container, or the only one. */
export function containerState(pod: Pod, container: string | undefined): ContainerState {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const all: ContainerStatus[] = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses]
  const status = container ? all.find(({ name }) => name === container) : all[0]
  const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  const run = `${pod.metadata?.uid ?? ''}/${status?.restartCount ?? 0}`
  if (status?.state?.running) return { run, state: 'running', over, word: 'running' }
  const ended = status?.state?.terminated
  if (ended) return { run, state: 'stopped', over, word: `exit code ${ended.exitCode}` }
  const last = status?.lastState?.terminated
  const word = status?.state?.waiting?.reason ?? 'not started'
  // Between two runs the one before counts: it has a log.
  return { run, state: last ? 'stopped' : 'waiting', over, word: last ? `exit code ${last.exitCode}, ${word}` : word }
}
