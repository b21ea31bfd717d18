import { timestamp } from '../../base/clock.ts'
import {
  isSidecar,
  latestContainer,
  type Container,
  type ContainerKind,
  type ContainerStatus,
  type Pod,
  type PodRuntime,
  type RuntimeContainer,
} from '../types.ts'
import { containerResources, sameResources } from './resources.ts'
import { restartsInit, shouldStart } from './restart.ts'

/** Why a container is not (yet) running, from the last attempt to start it. */
export interface WaitingReason {
  reason: string
  message: string
}

/** All messages of a pod together, so that its status stays small. Source: MaxPodTerminationMessageLogLength. */
const longestMessages = 12 * 1024

export interface StatusInput {
  runtime: PodRuntime
  /** The status written before, for what the runtime has forgotten. */
  previous: readonly ContainerStatus[]
  /** Of the pod, init containers included: they share the room for messages. */
  containerCount?: number
  /** By container name. */
  waiting: ReadonlyMap<string, WaitingReason>
  /** As in container ids: the part of the runtime's version before `://`. */
  runtimeName: string
  /** See Runtime. */
  recursiveReadOnly?: boolean
  /** Verdict of the startup probe (true without one) for a running container. */
  isStarted(container: Container, containerId: string): boolean
  /** Verdict of the readiness probe (true without one) for a started container. */
  isReady(container: Container, containerId: string): boolean
}

const lost = 'ContainerStatusUnknown'

/** The statuses of one kind of a pod's containers. Source: kubelet's convertToAPIContainerStatuses. */
export function containerStatuses(
  pod: Pod,
  containers: readonly Container[],
  kind: ContainerKind,
  input: StatusInput,
): ContainerStatus[] {
  const statuses = containers.map((container) => {
    const seen = input.runtime.containers.filter(({ name }) => name === container.name)
    const old = input.previous.find(({ name }) => name === container.name)
    const status = seen[0] ? fromRuntime(seen[0], old, input) : withoutRuntime(pod, container, old)
    if (seen[1]) status.lastState = stateOf(seen[1], undefined, input)
    // The run before may be known to the API alone, when the runtime has forgotten it.
    else if (seen[0]?.attempt) status.lastState = endBefore(old, status) ?? {}
    applyWaiting(pod, container, kind, status, input)
    applyProbes(container, kind, status, seen[0], input)
    return { ...status, ...declared(container, status, seen[0], old, input) }
  })
  // Init containers stay in the order of the spec, others are sorted by name.
  return kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1))
}

type State = NonNullable<ContainerStatus['state']>
type Mutable = { -readonly [K in keyof ContainerStatus]: ContainerStatus[K] }

function fromRuntime(container: RuntimeContainer, old: ContainerStatus | undefined, input: StatusInput): Mutable {
  return {
    name: container.name,
    state: stateOf(container, old, input),
    lastState: {},
    ready: false,
    restartCount: container.attempt,
    image: container.image,
    imageID: container.imageRef ?? container.imageId,
    containerID: `${input.runtimeName}://${container.id}`,
    started: false,
    ...(container.user ? { user: { linux: container.user } } : {}),
  } as Mutable
}

/** The end of the run before, as the API knows it. */
function endBefore(old: ContainerStatus | undefined, { containerID }: Mutable): State | undefined {
  if (old?.state?.terminated && old.containerID !== containerID) return old.state
  return old?.lastState?.terminated ? old.lastState : undefined
}

function stateOf(container: RuntimeContainer, old: ContainerStatus | undefined, input: StatusInput): State {
  const { runtimeName, containerCount = 1 } = input
  if (container.state === 'running') return { running: { startedAt: timestamp(container.startedAt) } }
  if (container.state === 'exited') {
    const whole = [container.message, container.terminationMessage].filter(Boolean).join(': ')
    const message = cut(whole, Math.floor(longestMessages / containerCount))
    return {
      terminated: {
        exitCode: container.exitCode,
        reason: container.reason || (container.exitCode === 0 ? 'Completed' : 'Error'),
        ...(message ? { message } : {}),
        ...(container.startedAt ? { startedAt: timestamp(container.startedAt) } : {}),
        finishedAt: timestamp(container.finishedAt || container.createdAt),
        containerID: `${runtimeName}://${container.id}`,
      },
    }
  }
  if (container.state === 'unknown' && old?.state?.running) {
    const message = 'The container could not be located when the pod was terminated'
    return { terminated: { exitCode: 137, reason: lost, message } }
  }
  return { waiting: {} }
}

/** To so many bytes, without half a character at the end. */
function cut(text: string, bytes: number): string {
  const whole = Buffer.from(text)
  return whole.length <= bytes
    ? text
    : whole
        .subarray(0, bytes)
        .toString('utf8')
        .replace(/\ufffd+$/, '')
}

/** Nothing of this name is in the runtime: never started, or gone with a reboot. */
function withoutRuntime(pod: Pod, container: Container, old: ContainerStatus | undefined): Mutable {
  if (old?.state?.terminated) return { ...old }
  const reason = pod.spec?.initContainers?.length ? 'PodInitializing' : 'ContainerCreating'
  const status: Mutable = {
    name: container.name,
    state: { waiting: { reason } },
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
  }
  if (old?.state?.running && !old.lastState?.terminated) {
    const message = 'The container could not be located when the pod was deleted.  The container used to be Running'
    status.lastState = { terminated: { exitCode: 137, reason: lost, message } }
    if (!pod.metadata?.deletionTimestamp) status.restartCount++
  }
  return status
}

/** A container that is to be started again is waiting, for the reason its last start failed with. */
function applyWaiting(pod: Pod, container: Container, kind: ContainerKind, status: Mutable, input: StatusInput): void {
  const waiting = input.waiting.get(container.name)
  if (!waiting || !willStart(pod, container, kind, input.runtime)) return
  if (status.state?.terminated) status.lastState = status.state
  status.state = { waiting }
}

function willStart(pod: Pod, container: Container, kind: ContainerKind, runtime: PodRuntime): boolean {
  if (kind === 'regular') return shouldStart(pod, container, runtime)
  const last = latestContainer(runtime, container.name)
  if (pod.metadata?.deletionTimestamp || last?.state === 'running') return false
  if (last?.state !== 'exited') return true
  return kind === 'init' && restartsInit(pod, container, last.exitCode)
}

function applyProbes(
  container: Container,
  kind: ContainerKind,
  status: Mutable,
  last: RuntimeContainer | undefined,
  input: StatusInput,
): void {
  if (kind === 'ephemeral') {
    status.ready = false
    delete status.started
    return
  }
  if (kind === 'init' && !isSidecar(container)) {
    status.ready = status.state?.terminated?.exitCode === 0
    status.started = false
    return
  }
  const running = last?.state === 'running' && Boolean(status.state?.running)
  status.started = running && input.isStarted(container, last.id)
  status.ready = status.started && input.isReady(container, last!.id)
}

/** What the spec says and the status repeats: mounts, and the resources in force. */
function declared(
  container: Container,
  status: ContainerStatus,
  last: RuntimeContainer | undefined,
  old: ContainerStatus | undefined,
  { recursiveReadOnly = false }: StatusInput,
): Partial<Mutable> {
  const mounts = container.volumeMounts?.map((mount) => {
    const { name, mountPath, readOnly } = mount
    const { recursiveReadOnly: asked = 'Disabled' } = mount as { recursiveReadOnly?: string }
    const whole = asked === 'Disabled' || !recursiveReadOnly ? 'Disabled' : 'Enabled'
    return { name, mountPath, ...(readOnly ? { readOnly, recursiveReadOnly: whole } : {}) }
  })
  const { requests, limits } = container.resources ?? {}
  return {
    ...(mounts?.length ? { volumeMounts: mounts } : {}),
    ...(requests ? { allocatedResources: requests } : {}),
    ...(status.state?.running && last ? { resources: inForce() } : {}),
  } as Partial<Mutable>

  function inForce(): ContainerStatus['resources'] {
    const given = { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) }
    // While a resize is under way, what was told before is what is in force.
    return sameResources(containerResources(container), last!.resources) ? given : (old?.resources ?? given)
  }
}
