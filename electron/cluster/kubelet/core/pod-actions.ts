import type { SandboxStatus } from '../../runtime/api.ts'
import {
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  latestContainer,
  type Container,
  type Pod,
  type PodRuntime,
  type RuntimeContainer,
} from '../types.ts'
import { unknownState, type KillReason, type PodActions, type ProbeResults } from './actions.ts'
import { sameImage } from '#shared/kube/image-name.ts'
import { computeInitActions } from './init-actions.ts'
import { resized } from './resized.ts'
import { restartsAfterFailure, restartsAfterKill, restartsAll, shouldStart } from './restart.ts'

/** The decision of one sync of a running pod. Source: kuberuntime's computePodActions. */
export function computePodActions(pod: Pod, runtime: PodRuntime, probes: ProbeResults): PodActions {
  const sandbox = sandboxOf(pod, runtime)
  const actions: PodActions = {
    killPod: sandbox.changed,
    createSandbox: sandbox.changed,
    sandboxId: sandbox.id,
    attempt: sandbox.attempt,
    kill: [],
    update: [],
    ephemeral: [],
    init: [],
    start: [],
  }
  if (sandbox.changed) return forNewSandbox(pod, runtime, actions)
  const trigger = restartsAll(pod, inSandbox(runtime, sandbox.id))
  if (trigger) return { ...actions, restartAll: trigger.name }

  for (const { name } of ephemeralContainersOf(pod)) {
    // Ephemeral containers are never restarted.
    if (!latestContainer(runtime, name)) actions.ephemeral.push(name)
  }
  const initialized = computeInitActions(pod, inSandbox(runtime, sandbox.id), probes, actions)
  if (actions.killPod || !initialized) return actions

  let keep = 0
  for (const container of containersOf(pod)) {
    const status = latestContainer(runtime, container.name)
    if (status?.state === 'running') {
      const kill = reasonToKill(container, status, probes)
      const resize = kill ? undefined : resized(container, status, actions)
      if (kill) {
        const again = kill.changed || restartsAfterKill(pod, container)
        if (again) actions.start.push(container.name)
        const message = again ? `${kill.message}, will be restarted` : kill.message
        actions.kill.push({ id: status.id, name: container.name, message, reason: kill.reason })
      } else if (resize) {
        actions.start.push(container.name)
        actions.kill.push({ id: status.id, name: container.name, ...resize })
      } else keep++
    } else if (shouldStart(pod, container, runtime)) {
      actions.start.push(container.name)
      if (status?.state === 'unknown') actions.kill.push(unknownState(status, 'Container'))
    }
  }
  if (!keep && !actions.start.length) {
    // Sidecars do not keep a pod alive whose containers have all ended.
    actions.killPod = true
    actions.init = []
  }
  return actions
}

/** Source: kuberuntime util's PodSandboxChanged. */
export function sandboxOf(
  pod: Pod,
  runtime: PodRuntime,
): { changed: boolean; id: string | undefined; attempt: number } {
  const [newest] = runtime.sandboxes
  if (!newest) return { changed: true, id: undefined, attempt: 0 }
  const ready = runtime.sandboxes.filter(({ state }) => state === 'ready')
  const lost = newest.state !== 'ready' || ready.length > 1 || withoutAddress(pod, newest)
  return { changed: lost, id: newest.id, attempt: lost ? newest.attempt + 1 : newest.attempt }
}

const withoutAddress = (pod: Pod, sandbox: SandboxStatus): boolean => !pod.spec?.hostNetwork && !sandbox.ip

function forNewSandbox(pod: Pod, runtime: PodRuntime, actions: PodActions): PodActions {
  const everRan = runtime.containers.length > 0
  if (!restartsAfterFailure(pod) && actions.attempt && everRan) return { ...actions, createSandbox: false }
  // A container that must not run again stays as it ended.
  const start = containersOf(pod).filter((container) => {
    const status = latestContainer(runtime, container.name)
    return status?.state !== 'exited' || shouldStart(pod, container, runtime)
  })
  const init = initContainersOf(pod)
  if (!start.length && (!init.length || everRan)) return { ...actions, createSandbox: false }
  // Initialization belongs to a sandbox: a new one goes through it again.
  if (init.length) return { ...actions, init: [init[0]!.name] }
  return { ...actions, start: start.map(({ name }) => name) }
}

export const inSandbox = (runtime: PodRuntime, sandboxId: string | undefined): PodRuntime => ({
  sandboxes: runtime.sandboxes,
  containers: runtime.containers.filter((container) => container.sandboxId === sandboxId),
})

interface Kill {
  message: string
  reason: KillReason
  /** It is started again whatever the restart policy. */
  changed?: boolean
}

function reasonToKill(container: Container, status: RuntimeContainer, probes: ProbeResults): Kill | undefined {
  const { name } = container
  // The image is the only field of a running container that may change (and resources, in place).
  if (!sameImage(container.image ?? '', status.image)) {
    return { message: `Container ${name} definition changed`, reason: 'other', changed: true }
  }
  if (probes.liveness(status.id) === false)
    return { message: `Container ${name} failed liveness probe`, reason: 'livenessProbe' }
  if (probes.startup(status.id) === false)
    return { message: `Container ${name} failed startup probe`, reason: 'startupProbe' }
  return undefined
}
