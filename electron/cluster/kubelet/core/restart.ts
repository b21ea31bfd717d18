import {
  containersOf,
  initContainersOf,
  isSidecar,
  latestContainer,
  type Container,
  type Pod,
  type PodRuntime,
} from '../types.ts'

/**
 * Whether a container that is not running is to be started (again), by its own policy and rules or the pod's.
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

/** The first rule that an exit code fits decides; with none it is the policy. */
export function restartsAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  if (ruleFor(container, exitCode)) return true
  const policy = policyOf(pod, container)
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

/** Init containers: sidecars always run again, others until they have succeeded, unless their policy is against it. */
export function restartsInit(pod: Pod, container: Container, exitCode: number): boolean {
  if (isSidecar(container)) return true
  return exitCode !== 0 && restartsAfterExit(pod, container, exitCode)
}

/** A container that the kubelet kills is started again at once, unless it never is. */
export const restartsAfterKill = (pod: Pod, container: Container): boolean => policyOf(pod, container) !== 'Never'

export const restartsAfterFailure = (pod: Pod): boolean => pod.spec?.restartPolicy !== 'Never'

/** The container whose end has everything in the pod start over. Source: ShouldAllContainersRestart. */
export function restartsAll(pod: Pod, runtime: PodRuntime): Container | undefined {
  if (pod.metadata?.deletionTimestamp) return undefined
  return [...initContainersOf(pod), ...containersOf(pod)].find((container) => {
    const last = latestContainer(runtime, container.name)
    return last?.state === 'exited' && ruleFor(container, last.exitCode)?.action === 'RestartAllContainers'
  })
}

/** Whether the pod has a rule that makes everything in it start over: only then is a condition told of it. */
export const couldRestartAll = (pod: Pod): boolean =>
  [...initContainersOf(pod), ...containersOf(pod)].some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'),
  )

const policyOf = (pod: Pod, container: Container): string =>
  container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'

const ruleFor = ({ restartPolicyRules = [] }: Container, exitCode: number) =>
  restartPolicyRules.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false
    return exitCodes && listed === (exitCodes.operator === 'In')
  })
