import {
  containersOf,
  initContainersOf,
  isSidecar,
  latestContainer,
  type Container,
  type Pod,
  type PodRuntime,
} from '../types.ts'
import { unknownState, type PodActions, type ProbeResults } from './actions.ts'
import { sameImage } from '#shared/kube/image-name.ts'
import { resized } from './resized.ts'
import { restartsAfterFailure, restartsInit } from './restart.ts'

/**
 * What init containers need; answers whether the pod is initialized. Walks backwards: finished init containers may
 * have been removed, so the last one that is known decides. `runtime` holds the containers of the current sandbox only.
 * Source: kuberuntime's computeInitContainerActions.
 */
export function computeInitActions(pod: Pod, runtime: PodRuntime, probes: ProbeResults, actions: PodActions): boolean {
  const init = initContainersOf(pod)
  if (!init.length) return true
  let initialized = containersOf(pod).some(({ name }) => {
    const status = latestContainer(runtime, name)
    return status && status.state !== 'unknown'
  })
  let laterSeen = initialized
  const start: string[] = []

  for (let i = init.length - 1; i >= 0; i--) {
    const container = init[i]!
    const status = latestContainer(runtime, container.name)
    const sidecar = isSidecar(container)
    if (!status) {
      if (laterSeen && sidecar) start.push(container.name)
      continue
    }
    if (laterSeen && !sidecar) continue
    const done = () => {
      if (i === init.length - 1) initialized = true
      else if (!laterSeen) start.push(init[i + 1]!.name)
    }
    switch (status.state) {
      case 'created':
        start.push(container.name)
        break
      case 'running': {
        if (!sidecar) break
        const step = runningSidecar(container, status.id, status.image, probes)
        if (step.started) done()
        const resize = step.kill || !step.started ? undefined : resized(container, status, actions)
        if (resize) {
          actions.kill.push({ id: status.id, name: container.name, ...resize })
          start.push(container.name)
        } else if (step.kill) {
          const reason = step.kill.includes('liveness')
            ? 'livenessProbe'
            : step.kill.includes('startup')
              ? 'startupProbe'
              : 'other'
          actions.kill.push({ id: status.id, name: container.name, message: step.kill, reason })
          start.push(container.name)
        }
        break
      }
      case 'exited':
        if (sidecar) start.push(container.name)
        else if (status.exitCode === 0) done()
        else if (restartsInit(pod, container, status.exitCode)) start.push(container.name)
        else return giveUp(actions)
        break
      case 'unknown':
        if (!sidecar && !restartsAfterFailure(pod)) return giveUp(actions)
        actions.kill.push(unknownState(status, 'Init container'))
        start.push(container.name)
    }
    laterSeen = true
  }
  if (!laterSeen) start.push(init[0]!.name)
  // The walk was backwards, starting goes forwards.
  actions.init = start.reverse()
  return initialized
}

function giveUp(actions: PodActions): false {
  actions.killPod = true
  actions.init = []
  return false
}

/** The next init container waits for the start of a sidecar (its startup probe), not for its liveness. */
function runningSidecar(
  container: Container,
  id: string,
  image: string,
  probes: ProbeResults,
): { started: boolean; kill?: string } {
  if (container.startupProbe) {
    const result = probes.startup(id)
    if (result === false) return { started: false, kill: `Init container ${container.name} failed startup probe` }
    if (!result) return { started: false }
  }
  if (!sameImage(container.image ?? '', image)) {
    return { started: true, kill: `Init container ${container.name} definition changed` }
  }
  if (container.livenessProbe && probes.liveness(id) === false) {
    return { started: true, kill: `Init container ${container.name} failed liveness probe` }
  }
  return { started: true }
}
