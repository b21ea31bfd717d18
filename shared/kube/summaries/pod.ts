import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1'
import type { Tone } from '../../ipc/queries.ts'
import type { Frozen } from '../object.ts'

/** What kubectl says of a pod in one row. Source: pkg/printers/internalversion, printPod. */
export interface PodSummary {
  /** The STATUS column: a phase, or a reason that tells more. */
  readonly status: string
  readonly ready: number
  readonly total: number
  readonly restarts: number
  /** When the latest restart was, RFC 3339. */
  readonly lastRestart: string | undefined
}

type PodLike = Frozen<Pod>
type Status = Frozen<ContainerStatus>

export function summarizePod(pod: PodLike): PodSummary {
  const init = initialization(pod)
  const total = (pod.spec?.containers ?? []).length + init.sidecars.size
  const progress =
    init.waiting !== undefined && !hasCondition(pod, 'Initialized') ? undefined : mainContainers(pod, init.waiting)
  let status = progress?.reason ?? init.waiting!
  if (pod.metadata?.deletionTimestamp) {
    if (pod.status?.reason === 'NodeLost') status = 'Unknown'
    else if (pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded') status = 'Terminating'
  }
  const counted = progress
    ? [...init.sidecarStatuses, ...(pod.status?.containerStatuses ?? [])]
    : (pod.status?.initContainerStatuses ?? [])
  return {
    status,
    ready: init.ready + (progress?.ready ?? 0),
    total,
    restarts: counted.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
    lastRestart: counted
      .map(({ lastState }) => lastState?.terminated?.finishedAt)
      .filter((time) => time !== undefined)
      .sort((a, b) => Date.parse(a) - Date.parse(b))
      .at(-1),
  }
}

const underWay = new Set(['Pending', 'ContainerCreating', 'PodInitializing', 'Terminating', 'SchedulingGated'])

/** What the summary means to somebody who looks for trouble. */
export function podTone(pod: PodLike, { status, ready, total }: PodSummary): Tone {
  if (status === 'Succeeded' || status === 'Completed') return 'off'
  if (status === 'Running') return ready === total ? 'ok' : 'warn'
  if (underWay.has(status) || /^Init:\d+\/\d+$/.test(status))
    return pod.status?.conditions?.some((one) => one.type === 'PodScheduled' && one.status === 'False')
      ? 'warn'
      : 'busy'
  return status === 'Unknown' || status === 'NotReady' ? 'warn' : 'bad'
}

function plainReason(pod: PodLike): string {
  const gated = pod.status?.conditions?.some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  )
  return gated ? 'SchedulingGated' : pod.status?.reason || pod.status?.phase || ''
}

/** How far the init containers are; `waiting` tells what the pod waits for, if it does. */
function initialization(pod: PodLike) {
  const containers = pod.spec?.initContainers ?? []
  const sidecars = new Set(containers.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name))
  const sidecarStatuses: Status[] = []
  let ready = 0
  let waiting: string | undefined
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    if (sidecars.has(status.name)) sidecarStatuses.push(status)
    if (waiting !== undefined) continue
    const { terminated, waiting: pending } = status.state ?? {}
    if (terminated?.exitCode === 0) continue
    if (sidecars.has(status.name) && status.started) {
      if (status.ready) ready++
      continue
    }
    if (terminated) waiting = `Init:${terminated.reason || ending(terminated)}`
    else if (pending?.reason && pending.reason !== 'PodInitializing') waiting = `Init:${pending.reason}`
    else waiting = `Init:${i}/${containers.length}`
  }
  return { sidecars, sidecarStatuses, ready, waiting }
}

const ending = ({ signal, exitCode }: { readonly signal?: number; readonly exitCode?: number }): string =>
  signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`

/** The first container with something to tell has the word. */
function mainContainers(pod: PodLike, before: string | undefined): { ready: number; reason: string } {
  let ready = 0
  let running = false
  let reason = before ?? plainReason(pod)
  for (const { state, ready: isReady } of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if (state?.waiting?.reason) reason = state.waiting.reason
    else if (state?.terminated) reason = state.terminated.reason || ending(state.terminated)
    else if (isReady && state?.running) {
      running = true
      ready++
    }
  }
  if (reason === 'Completed' && running) reason = hasCondition(pod, 'Ready') ? 'Running' : 'NotReady'
  return { ready, reason }
}

const hasCondition = (pod: PodLike, wanted: string): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false
