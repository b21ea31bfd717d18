import type { SandboxStatus } from '../../runtime/api.ts'
import type { Allocations } from '../allocation/allocations.ts'
import { graceOf, killContainer, type KillDeps } from '../containers/kill-container.ts'
import { killPod } from '../containers/kill-pod.ts'
import { resizePod } from '../containers/resize-pod.ts'
import { restartAll } from '../containers/restart-all.ts'
import { sandboxConfig, type ClusterDns } from '../containers/sandbox-config.ts'
import { startContainer, type StartDeps } from '../containers/start-container.ts'
import { StartError } from '../containers/start-error.ts'
import type { PodActions } from '../core/actions.ts'
import type { WaitingReason } from '../core/container-statuses.ts'
import type { KeyedBackoff } from '../../base/keyed-backoff.ts'
import { abortable } from '../abortable.ts'
import { goDuration } from '../images/image-manager.ts'
import {
  containersOf,
  describePod,
  ephemeralContainersOf,
  initContainersOf,
  isSidecar,
  latestContainer,
  uidOf,
  type Container,
  type Pod,
  type PodRuntime,
} from '../types.ts'
import type { VolumeOnHost } from '../volumes/mounts.ts'

export interface SyncDeps extends StartDeps, KillDeps {
  dns(): ClusterDns
  /** That of the pod's RuntimeClass; empty: the runtime's usual one. Rejects where the class is not there. */
  runtimeHandler(pod: Pod): Promise<string>
  /** Has the devices of the pod's claims made ready. Rejects with why that cannot be. */
  prepareDevices(pod: Pod): Promise<void>
  crashes: KeyedBackoff
  allocations: Allocations
}

export interface SyncInput {
  pod: Pod
  runtime: PodRuntime
  actions: PodActions
  volumes: ReadonlyMap<string, VolumeOnHost>
  /** Why containers wait, by name: kept between syncs. */
  waiting: Map<string, WaitingReason>
  signal: AbortSignal
}

export interface SyncResult {
  /** Something was done: look again. */
  changed: boolean
  /** Milliseconds until something is to be tried again. */
  retryAfter: number | undefined
}

/** Waiting for the next try of what failed for no known reason (kubelet's backOffPeriod). */
const retryPeriod = 10_000

/** Carries out the actions of one sync, in upstream's order. */
export async function performActions(deps: SyncDeps, input: SyncInput): Promise<SyncResult> {
  const { pod, runtime, actions, signal } = input
  if (actions.restartAll !== undefined) {
    const alive = runtime.containers.some(({ state }) => state !== 'exited')
    const wait = alive ? 0 : backOff(deps, input, actions.restartAll)
    if (wait) return { changed: false, retryAfter: wait }
    await abortable(restartAll(deps, { pod, runtime, reason: actions.restartAll }), signal)
    return { changed: true, retryAfter: undefined }
  }
  // Killing may take a whole grace period, which a pod that is to end no longer waits for.
  const killed = await abortable(killUnwanted(deps, input), signal)
  if (actions.killPod && !actions.createSandbox) return { changed: killed, retryAfter: undefined }
  signal.throwIfAborted()
  const sandbox = actions.createSandbox
    ? await createSandbox(deps, pod, actions)
    : runtime.sandboxes.find(({ id }) => id === actions.sandboxId)
  if (!sandbox) return { changed: killed, retryAfter: retryPeriod }

  const result: SyncResult = { changed: killed || actions.createSandbox, retryAfter: undefined }
  const start = async (container: Container): Promise<boolean> => {
    signal.throwIfAborted()
    const wait = await startOne(deps, input, container, sandbox)
    if (wait === undefined) result.changed = true
    else result.retryAfter = Math.min(result.retryAfter ?? Infinity, wait)
    return wait === undefined
  }
  const named = (containers: readonly Container[], names: readonly string[]) =>
    names.flatMap((name) => containers.find((container) => container.name === name) ?? [])
  for (const container of named(ephemeralContainersOf(pod), actions.ephemeral)) await start(container)
  for (const container of named(initContainersOf(pod), actions.init)) {
    if (!(await start(container)) && !isSidecar(container)) return result
  }
  const resized = await resize(deps, input, sandbox)
  if (resized === 'failed') result.retryAfter = Math.min(result.retryAfter ?? Infinity, retryPeriod)
  result.changed ||= resized === true
  for (const container of named(containersOf(pod), actions.start)) await start(container)
  return result
}

async function resize(
  deps: SyncDeps,
  { pod, runtime, actions: { update } }: SyncInput,
  sandbox: SandboxStatus,
): Promise<boolean | 'failed'> {
  try {
    return await resizePod(deps, { pod, runtime, sandbox, update })
  } catch (error) {
    deps.allocations.fail(pod, (error as Error).message)
    return 'failed'
  }
}

async function killUnwanted(deps: SyncDeps, { pod, runtime, actions }: SyncInput): Promise<boolean> {
  if (actions.createSandbox && actions.sandboxId) {
    deps.events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
  }
  if (actions.killPod) {
    const grace = pod.spec?.terminationGracePeriodSeconds ?? 30
    await killPod(deps, { pod, runtime, grace, dying: new Set() })
    return runtime.containers.some(({ state }) => state === 'running')
  }
  const podIp = runtime.sandboxes[0]?.ip ?? ''
  await Promise.all(
    actions.kill.map(async ({ id, name, message, reason }) => {
      const instance = runtime.containers.find((container) => container.id === id)!
      await killContainer(deps, { pod, instance, podIp, grace: graceOf(pod, name, reason), message })
    }),
  )
  return actions.kill.length > 0
}

/** Undefined where the pod has yet to wait for its devices. */
async function createSandbox(deps: SyncDeps, pod: Pod, actions: PodActions): Promise<SandboxStatus | undefined> {
  if (!(await hasDevices(deps, pod))) return undefined
  try {
    const runtimeHandler = await deps.runtimeHandler(pod)
    const { directories } = deps
    const config = await sandboxConfig(pod, actions.attempt, { directories, dns: deps.dns(), runtimeHandler })
    const id = await deps.runtime.runSandbox(config)
    const made = (await deps.runtime.sandboxes()).find((sandbox) => sandbox.id === id)
    if (!made) throw new Error('the runtime does not know the sandbox it made')
    return made
  } catch (error) {
    deps.events.pod(
      pod,
      'Warning',
      'FailedCreatePodSandBox',
      `Failed to create pod sandbox: ${(error as Error).message}`,
    )
    throw error
  }
}

async function hasDevices(deps: SyncDeps, pod: Pod): Promise<boolean> {
  try {
    await deps.prepareDevices(pod)
    return true
  } catch (error) {
    const message = `Failed to prepare dynamic resources: prepare dynamic resources: ${(error as Error).message}`
    deps.events.pod(pod, 'Warning', 'FailedPrepareDynamicResources', message)
    return false
  }
}

/** Undefined when the container was started, else the milliseconds to wait. */
async function startOne(
  deps: SyncDeps,
  input: SyncInput,
  container: Container,
  sandbox: SandboxStatus,
): Promise<number | undefined> {
  const { pod, runtime, volumes, waiting, signal } = input
  const { name } = container
  const wait = backOff(deps, input, name)
  if (wait) return wait
  try {
    await startContainer(deps, { pod, container, sandbox, runtime, volumes, signal })
    waiting.delete(name)
    return undefined
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    waiting.set(name, { reason: error.reason, message: error.message })
    // Looked at before the image may be pulled again, too: that it backs off is to be seen.
    return Math.min(deps.images.remaining(pod, container.image ?? '') || retryPeriod, retryPeriod)
  }
}

/** Milliseconds until a container that has ended may run again; 0 when it is its turn, after which the next one is longer. */
function backOff(deps: SyncDeps, { pod, runtime, waiting }: SyncInput, name: string): number {
  const last = latestContainer(runtime, name)
  if (last?.state !== 'exited') return 0
  const key = `${uidOf(pod)}_${name}`
  const wait = deps.crashes.remaining(key, last.finishedAt)
  if (wait <= 0) {
    deps.crashes.next(key, last.finishedAt)
    return 0
  }
  const shown = describePod(pod)
  const told = `Back-off restarting failed container ${name} in pod ${shown}`
  deps.events.container(pod, name, 'Warning', 'BackOff', told)
  const delay = goDuration(deps.crashes.delay(key))
  const message = `back-off ${delay} restarting failed container=${name} pod=${shown}`
  waiting.set(name, { reason: 'CrashLoopBackOff', message })
  return wait
}
