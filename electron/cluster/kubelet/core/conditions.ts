import {
  containersOf,
  initContainersOf,
  isSidecar,
  type ContainerStatus,
  type Pod,
  type PodCondition,
  type PodRuntime,
} from '../types.ts'
import { hasRegularContainerStarted } from './phase.ts'
import { sandboxOf } from './pod-actions.ts'
import { couldRestartAll, restartsAll } from './restart.ts'

type Statuses = readonly ContainerStatus[]
type Made = Omit<PodCondition, 'observedGeneration'>

/** The conditions that the kubelet owns; others in the status belong to somebody else and are kept. */
export const ownConditions: ReadonlySet<string> = new Set([
  'PodScheduled',
  'Ready',
  'Initialized',
  'ContainersReady',
  'PodReadyToStartContainers',
  'AllContainersRestarting',
  'PodResizePending',
  'PodResizeInProgress',
])

/** What is going on with the resources of a pod, and since which generation of its spec. */
export interface ResizeState {
  /** It asks for what it has not been given. */
  pending?: { reason: string; message: string; generation: number | undefined }
  /** It has been given what its containers do not have yet. */
  inProgress?: { reason?: string; message?: string; generation: number | undefined }
}

/** Written by the kubelet when it evicts, and by others. */
export const disruptionTarget = 'DisruptionTarget'
export const evictionReason = 'TerminationByKubelet'

export interface ConditionInput {
  phase: string
  /** Init and regular containers. */
  statuses: Statuses
  runtime: PodRuntime
  /** Those of other owners: readiness gates look there. */
  others: readonly PodCondition[]
  resize?: ResizeState | undefined
}

/** All of the kubelet's conditions, without times. Source: pkg/kubelet/status/generate.go. */
export function podConditions(pod: Pod, input: ConditionInput): PodCondition[] {
  const ready = containersReady(pod, input)
  const conditions: Made[] = [
    { type: 'PodReadyToStartContainers', status: sandboxOf(pod, input.runtime).changed ? 'False' : 'True' },
    initialized(pod, input),
    { ...podReady(pod, ready, input), type: 'Ready' },
    ready,
    { type: 'PodScheduled', status: 'True' },
    ...(couldRestartAll(pod) ? [restartingAll(pod, input)] : []),
  ]
  const observedGeneration = pod.metadata?.generation
  return [
    ...conditions.map((condition) => (observedGeneration ? { ...condition, observedGeneration } : condition)),
    ...resizing('PodResizePending', input.resize?.pending),
    ...resizing('PodResizeInProgress', input.resize?.inProgress),
  ]
}

/** These two conditions are there or not; they are never false. */
function resizing(type: string, state: ResizeState['inProgress']): PodCondition[] {
  if (!state) return []
  const { reason, message, generation } = state
  return [
    {
      type,
      status: 'True',
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
      ...(generation ? { observedGeneration: generation } : {}),
    },
  ]
}

/** Source: GenerateAllContainersRestartingCondition. */
function restartingAll(pod: Pod, { phase, runtime }: ConditionInput): Made {
  const type = 'AllContainersRestarting'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  if (!restartsAll(pod, runtime)) return { type, status: 'False' }
  const message = 'container exited with restart policy rule'
  return { type, status: 'True', reason: 'RestartAllContainersStarted', message }
}

const goList = (names: readonly string[]): string => `[${names.join(' ')}]`
const problems = (unknown: readonly string[], unready: readonly string[], word: string): string =>
  [
    unknown.length ? `containers with unknown status: ${goList(unknown)}` : '',
    unready.length ? `containers with ${word} status: ${goList(unready)}` : '',
  ]
    .filter(Boolean)
    .join(', ')

function containersReady(pod: Pod, { phase, statuses }: ConditionInput): Made {
  const unknown: string[] = []
  const unready: string[] = []
  for (const { name } of [...initContainersOf(pod).filter(isSidecar), ...containersOf(pod)]) {
    const status = statuses.find((candidate) => candidate.name === name)
    if (!status) unknown.push(name)
    else if (!status.ready) unready.push(name)
  }
  const type = 'ContainersReady'
  if (phase === 'Succeeded' && !unknown.length) return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const message = problems(unknown, unready, 'unready')
  return message ? { type, status: 'False', reason: 'ContainersNotReady', message } : { type, status: 'True' }
}

function podReady(pod: Pod, containers: Made, { others }: ConditionInput): Made {
  if (containers.status !== 'True') return containers
  const unready: string[] = []
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = others.find(({ type }) => type === conditionType)
    const quoted = JSON.stringify(conditionType)
    if (!gate) unready.push(`corresponding condition of pod readiness gate ${quoted} does not exist.`)
    else if (gate.status !== 'True') {
      unready.push(`the status of pod readiness gate ${quoted} is not "True", but ${gate.status}`)
    }
  }
  if (!unready.length) return containers
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: unready.join(', ') }
}

function initialized(pod: Pod, { phase, statuses }: ConditionInput): Made {
  const unknown: string[] = []
  const incomplete: string[] = []
  for (const container of initContainersOf(pod)) {
    const status = statuses.find(({ name }) => name === container.name)
    if (!status) unknown.push(container.name)
    else if (!(isSidecar(container) ? status.started : status.ready)) incomplete.push(container.name)
  }
  const type = 'Initialized'
  if (phase === 'Succeeded' && !unknown.length) return { type, status: 'True', reason: 'PodCompleted' }
  if (hasRegularContainerStarted(pod, statuses)) return { type, status: 'True' }
  const message = problems(unknown, incomplete, 'incomplete')
  return message ? { type, status: 'False', reason: 'ContainersNotInitialized', message } : { type, status: 'True' }
}
