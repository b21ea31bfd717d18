import { isSidecar, latestContainer, type Container, type PodRuntime, type Pod } from '../types.ts'

/**
 * Whether a container that is not running is to be started (again), by its own policy and rules (v1.35) or the pod's.
 * Source: kubecontainer.ShouldContainerBeRestarted.
 */
export function shouldStart(pod: Pod, container: Container, runtime: PodRuntime): boolean {
  if (pod.metadata?.deletionTimestamp) return false
  const last = latestContainer(runtime, container.name)
  if (!last) return true
  if (last.state === 'running') return false
  if (last.state !== 'exited') return true
  return restartsAfterExit(pod, container, last.exitCode)
}

export function restartsAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    const listed = exitCodes?.values?.includes(exitCode) ?? false
    if (action === 'Restart' && exitCodes && listed === (exitCodes.operator === 'In')) return true
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

/** Init containers: sidecars always run again, others until they have succeeded, unless the pod is never restarted. */
export function restartsInit(pod: Pod, container: Container, exitCode: number): boolean {
  if (isSidecar(container)) return true
  return exitCode !== 0 && restartsAfterFailure(pod)
}

export const restartsAfterFailure = (pod: Pod): boolean => pod.spec?.restartPolicy !== 'Never'
