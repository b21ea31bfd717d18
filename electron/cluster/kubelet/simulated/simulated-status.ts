import { podStatus } from '../core/pod-status.ts'
import { containerResources } from '../core/resources.ts'
import {
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  isSidecar,
  type Container,
  type Pod,
  type PodRuntime,
  type PodStatus,
} from '../types.ts'

/** The status that a real kubelet would write if the containers were there. */
export function simulatedStatus(pod: Pod, end: 'run' | 'succeed', ip: string, hostIp: string, now: number): PodStatus {
  const startTime = pod.status?.startTime ?? new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
  return podStatus(pod, {
    runtime: imaginedRuntime(pod, end, ip, now),
    previous: pod.status ?? {},
    waiting: new Map(),
    runtimeName: 'simulated',
    isStarted: () => true,
    isReady: () => true,
    hostIp,
    startTime,
    ended: end === 'succeed',
  })
}

function imaginedRuntime(pod: Pod, end: 'run' | 'succeed', ip: string, now: number): PodRuntime {
  const sandboxId = pod.metadata?.uid ?? ''
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  const imagine = (container: Container, runs: boolean) => ({
    id: `${uid}-${container.name}`,
    sandboxId,
    name: container.name,
    attempt: 0,
    image: container.image ?? '',
    imageId: container.image ?? '',
    state: runs ? ('running' as const) : ('exited' as const),
    createdAt: now,
    startedAt: now,
    finishedAt: runs ? 0 : now,
    exitCode: 0,
    reason: runs ? '' : 'Completed',
    message: '',
    logPath: '',
    resources: containerResources(container),
  })
  const runs = end === 'run'
  return {
    sandboxes: [
      {
        id: sandboxId,
        name,
        namespace,
        uid,
        attempt: 0,
        state: runs ? 'ready' : 'notready',
        ip,
        createdAt: now,
        resources: {},
      },
    ],
    containers: [
      ...initContainersOf(pod).map((container) => imagine(container, runs && isSidecar(container))),
      ...[...containersOf(pod), ...ephemeralContainersOf(pod)].map((container) => imagine(container, runs)),
    ],
  }
}
