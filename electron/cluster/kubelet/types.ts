import type * as core from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { ContainerStatus as RuntimeStatus, SandboxStatus } from '../runtime/api.ts'

/** Objects as they come out of a cache: deeply readonly. */
export type Pod = Frozen<core.Pod>
export type PodSpec = Frozen<core.PodSpec>
export type Node = Frozen<core.Node>
export type Service = Frozen<core.Service>
export type ConfigMap = Frozen<core.ConfigMap>
export type Secret = Frozen<core.Secret>
/** `image` is newer than the typed client. */
export type Volume = Frozen<core.Volume> & {
  readonly image?: { readonly reference?: string; readonly pullPolicy?: string }
}
export type Probe = Frozen<core.Probe>
export type LifecycleHandler = Frozen<core.LifecycleHandler>
export type ContainerStatus = Frozen<core.ContainerStatus>

/** `restartPolicyRules` is newer than the typed client. */
export interface RestartRule {
  readonly action: string
  readonly exitCodes?: { readonly operator: string; readonly values?: readonly number[] }
}
export type Container = Frozen<core.Container> & { readonly restartPolicyRules?: readonly RestartRule[] }
export type EphemeralContainer = Container & { readonly targetContainerName?: string }

/** Since v1.33 conditions and the status say which generation of the spec they speak of. */
export type PodCondition = Frozen<core.PodCondition> & { readonly observedGeneration?: number }
export type PodStatus = Omit<Frozen<core.PodStatus>, 'conditions'> & {
  readonly conditions?: readonly PodCondition[]
  readonly observedGeneration?: number
}

export type ContainerKind = 'init' | 'regular' | 'ephemeral'

/** A container of the runtime, with what it left at its termination message path. */
export type RuntimeContainer = RuntimeStatus & { readonly terminationMessage?: string }

/** What the runtime knows of one pod: newest first, both. */
export interface PodRuntime {
  readonly sandboxes: readonly SandboxStatus[]
  readonly containers: readonly RuntimeContainer[]
}

export const emptyRuntime: PodRuntime = { sandboxes: [], containers: [] }

/** The newest container of this name. */
export const latestContainer = (runtime: PodRuntime, name: string): RuntimeContainer | undefined =>
  runtime.containers.find((container) => container.name === name)

export const initContainersOf = (pod: Pod): readonly Container[] =>
  (pod.spec?.initContainers ?? []) as readonly Container[]
export const volumesOf = (pod: Pod): readonly Volume[] => (pod.spec?.volumes ?? []) as readonly Volume[]
export const containersOf = (pod: Pod): readonly Container[] => (pod.spec?.containers ?? []) as readonly Container[]
export const ephemeralContainersOf = (pod: Pod): readonly EphemeralContainer[] =>
  (pod.spec?.ephemeralContainers ?? []) as unknown as readonly EphemeralContainer[]

/** An init container that keeps running beside the regular ones. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always'

export function findContainer(pod: Pod, name: string): { container: Container; kind: ContainerKind } | undefined {
  const kinds = [
    ['regular', containersOf(pod)],
    ['init', initContainersOf(pod)],
    ['ephemeral', ephemeralContainersOf(pod)],
  ] as const
  for (const [kind, containers] of kinds) {
    const container = containers.find((candidate) => candidate.name === name)
    if (container) return { container, kind }
  }
  return undefined
}

export const uidOf = (pod: Pod): string => pod.metadata?.uid ?? ''
export const isTerminalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed'
/** As upstream's format.Pod: what log lines and back-off messages call a pod. */
export const describePod = (pod: Pod): string => `${pod.metadata?.name}_${pod.metadata?.namespace}(${uidOf(pod)})`
