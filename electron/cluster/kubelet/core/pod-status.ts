import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import {
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  isTerminalPhase,
  type ContainerStatus,
  type Pod,
  type PodCondition,
  type PodRuntime,
  type PodStatus,
} from '../types.ts'
import { containerStatuses, type StatusInput } from './container-statuses.ts'
import { disruptionTarget, ownConditions, podConditions, type ResizeState } from './conditions.ts'
import { withKnownEnd } from './ended.ts'
import { phaseOf } from './phase.ts'

export interface PodStatusInput extends Omit<StatusInput, 'previous'> {
  runtime: PodRuntime
  /** The last status given to the status manager, or the pod's from the API. */
  previous: PodStatus
  hostIp: string
  startTime: string
  /** Nothing will run again: the pod is going. */
  ended: boolean
  resize?: ResizeState
  /** The node has put an end to the pod (deadline). */
  verdict?: { reason: string; message: string; condition?: { reason: string; message: string } } | undefined
}

/** The whole status of a pod, without the times of its conditions. Source: kubelet's generateAPIPodStatus. */
export function podStatus(pod: Pod, input: PodStatusInput): PodStatus {
  const { previous, runtime } = input
  const containerCount = containersOf(pod).length + initContainersOf(pod).length
  const of = (kind: 'init' | 'regular' | 'ephemeral') => {
    const [containers, before] = {
      init: [initContainersOf(pod), previous.initContainerStatuses] as const,
      regular: [containersOf(pod), previous.containerStatuses] as const,
      ephemeral: [ephemeralContainersOf(pod), previous.ephemeralContainerStatuses] as const,
    }[kind]
    return containerStatuses(pod, containers, kind, { ...input, containerCount, previous: before ?? [] })
  }
  const found = { init: of('init'), regular: of('regular'), ephemeral: of('ephemeral') }
  const { init, regular, ephemeral } = input.ended ? withKnownEnd(pod, found) : found
  const statuses: ContainerStatus[] = [...init, ...regular]
  const phase = nextPhase(pod, phaseOf(pod, statuses, input.ended), input)
  const others = withDisruption(
    (pod.status?.conditions ?? []).filter(({ type }) => !ownConditions.has(type)),
    input.verdict?.condition,
  )
  const { reason, message } = input.verdict ?? kept(pod, phase, previous)
  const ip = addressOf(pod, phase, input)

  return {
    ...(pod.metadata?.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase,
    conditions: [...others, ...podConditions(pod, { phase, statuses, runtime, others, resize: input.resize })],
    ...(reason ? { reason } : {}),
    ...(message ? { message } : {}),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(ip ? { podIP: ip, podIPs: [{ ip }] } : {}),
    startTime: input.startTime,
    ...(init.length ? { initContainerStatuses: init } : {}),
    containerStatuses: regular,
    qosClass: qualityOfService(pod.spec),
    ...(ephemeral.length ? { ephemeralContainerStatuses: ephemeral } : {}),
  }
}

/** Others tell of disruptions as well: theirs is only replaced by one of ours. */
function withDisruption(
  others: readonly PodCondition[],
  disruption: { reason: string; message: string } | undefined,
): readonly PodCondition[] {
  if (!disruption) return others
  const type = disruptionTarget
  return [...others.filter((condition) => condition.type !== type), { type, status: 'True', ...disruption }]
}

/** Terminal phases are for ever, whoever wrote them. */
function nextPhase(pod: Pod, computed: string, { verdict, previous }: PodStatusInput): string {
  if (isTerminalPhase(pod.status?.phase)) return pod.status!.phase!
  if (verdict) return 'Failed'
  if (!isTerminalPhase(computed) && isTerminalPhase(previous.phase)) return previous.phase!
  return computed
}

/** Reason and message belong to the phase and stay while it does. */
function kept(
  pod: Pod,
  phase: string,
  previous: PodStatus,
): { reason?: string | undefined; message?: string | undefined } {
  if (phase !== previous.phase) return {}
  return { reason: previous.reason ?? pod.status?.reason, message: previous.message ?? pod.status?.message }
}

/** A pod that has ended keeps the address it had; one that is to get a new sandbox has none for a while. */
function addressOf(pod: Pod, phase: string, { runtime, hostIp, previous }: PodStatusInput): string {
  if (pod.spec?.hostNetwork) return hostIp
  const [sandbox] = runtime.sandboxes
  if (sandbox?.state === 'ready') return sandbox.ip
  return pod.metadata?.deletionTimestamp || isTerminalPhase(phase) ? (previous.podIP ?? '') : ''
}
