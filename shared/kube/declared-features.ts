import type { Container, PodSpec, PodStatus } from 'kubernetes-types/core/v1'
import type { Frozen } from './object.ts'
import { compareQuantities, parseQuantity } from './quantity.ts'

/**
 * What nodes may be able to do or not while Kubernetes versions differ, as their status declares it. Source:
 * component-helpers/nodedeclaredfeatures.
 */
const guaranteedCpuResize = 'GuaranteedQoSPodCPUResize'
const podResize = 'InPlacePodLevelResourcesVerticalScaling'
const restartOfAll = 'RestartAllContainersOnContainerExits'

/** What nodes of this cluster declare, as a part of their status. Pods as a whole are not resized here. */
export const declarations: { readonly declaredFeatures: readonly string[] } = {
  declaredFeatures: [guaranteedCpuResize, restartOfAll],
}

type Spec = Frozen<PodSpec> & { readonly resources?: unknown }
type WithRules = Frozen<Container> & { readonly restartPolicyRules?: readonly { readonly action?: string }[] }

/** What a node must declare to run such a pod. */
export const featuresToRun = ({ containers = [], initContainers = [] }: Frozen<PodSpec>): string[] => {
  const all: readonly WithRules[] = [...containers, ...initContainers]
  const restarts = all.some(({ restartPolicyRules }) =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  )
  return restarts ? [restartOfAll] : []
}

/** What the node of a pod must declare to let it become another one. */
export function featuresToUpdate(old: Spec, next: Spec, status: Frozen<PodStatus> = {}): string[] {
  const cpuOf = ({ resources }: Frozen<Container>) => parseQuantity(String(resources?.requests?.['cpu'] ?? '0'))
  const isResized = old.containers.some((container, i) => {
    const other = next.containers[i]
    return other !== undefined && compareQuantities(cpuOf(container), cpuOf(other)) !== 0
  })
  const guaranteed = status.qosClass === undefined || status.qosClass === 'Guaranteed'
  const isPodResized = JSON.stringify(old.resources) !== JSON.stringify(next.resources)
  return [...(guaranteed && isResized ? [guaranteedCpuResize] : []), ...(isPodResized ? [podResize] : [])]
}

/** Those of them that the node does not declare. */
export const undeclared = (node: { readonly status?: unknown } | undefined, features: readonly string[]): string[] => {
  const { declaredFeatures: declared = [] } = (node?.status ?? {}) as { declaredFeatures?: readonly string[] }
  return features.filter((feature) => !declared.includes(feature))
}
