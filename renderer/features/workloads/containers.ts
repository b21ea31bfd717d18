import type { Container, ContainerState, ContainerStatus, Pod, Probe } from 'kubernetes-types/core/v1'
import type { Tone } from '../../ui/tone.ts'

export interface ContainerView {
  name: string
  image: string
  tone: Tone
  word: string
  /** What the runtime says about it, where there is more than a word. */
  message: string | undefined
  /** Milliseconds since the epoch at which the present state began. */
  since: number | undefined
  ready: boolean
  restarts: number
  lastEnd: { reason: string; code: number; at: number | undefined } | undefined
  probes: { kind: 'liveness' | 'readiness' | 'startup'; text: string; seconds: number }[]
  ports: { name: string | undefined; port: number; protocol: string }[]
  requests: Record<string, string>
  limits: Record<string, string>
  mounts: { path: string; volume: string; readOnly: boolean }[]
}

const time = (text: string | undefined): number | undefined => (text ? Date.parse(text) : undefined)

function stateOf(status: ContainerStatus | undefined): Pick<ContainerView, 'tone' | 'word' | 'message' | 'since'> {
  const { running, waiting, terminated }: ContainerState = status?.state ?? {}
  if (running) {
    return { tone: status?.ready ? 'ok' : 'warn', word: 'Running', message: undefined, since: time(running.startedAt) }
  }
  if (terminated) {
    const word = terminated.reason ?? (terminated.exitCode === 0 ? 'Completed' : 'Error')
    return {
      tone: terminated.exitCode === 0 ? 'off' : 'bad',
      word,
      message: terminated.message,
      since: time(terminated.finishedAt),
    }
  }
  const reason = waiting?.reason ?? 'Waiting'
  const calm = ['ContainerCreating', 'PodInitializing', 'Waiting'].includes(reason)
  return { tone: calm ? 'busy' : 'bad', word: reason, message: waiting?.message, since: undefined }
}

/** A probe in the few words that tell it apart. */
export function probeText(probe: Probe): string {
  if (probe.httpGet)
    return `${(probe.httpGet.scheme ?? 'HTTP').toLowerCase()} :${probe.httpGet.port}${probe.httpGet.path ?? '/'}`
  if (probe.tcpSocket) return `tcp :${probe.tcpSocket.port}`
  if (probe.grpc) return `grpc :${probe.grpc.port}`
  return `exec ${(probe.exec?.command ?? []).join(' ')}`
}

function view(container: Container, status: ContainerStatus | undefined): ContainerView {
  const { livenessProbe, readinessProbe, startupProbe } = container
  const last = status?.lastState?.terminated
  const probes = (
    [
      ['startup', startupProbe],
      ['readiness', readinessProbe],
      ['liveness', livenessProbe],
    ] as const
  ).flatMap(([kind, probe]) => (probe ? [{ kind, text: probeText(probe), seconds: probe.periodSeconds ?? 10 }] : []))
  return {
    name: container.name,
    image: container.image ?? '',
    ...stateOf(status),
    ready: status?.ready ?? false,
    restarts: status?.restartCount ?? 0,
    lastEnd: last && { reason: last.reason ?? 'Error', code: last.exitCode, at: time(last.finishedAt) },
    probes,
    ports: (container.ports ?? []).map(({ name, containerPort, protocol = 'TCP' }) => ({
      name,
      port: containerPort,
      protocol,
    })),
    requests: container.resources?.requests ?? {},
    limits: container.resources?.limits ?? {},
    mounts: (container.volumeMounts ?? []).map(({ mountPath, name, readOnly }) => ({
      path: mountPath,
      volume: name,
      readOnly: readOnly ?? false,
    })),
  }
}

export function containersOf(pod: Pod): { main: ContainerView[]; init: ContainerView[] } {
  const views = (containers: Container[] | undefined, statuses: ContainerStatus[] | undefined) =>
    (containers ?? []).map((container) =>
      view(
        container,
        statuses?.find(({ name }) => name === container.name),
      ),
    )
  return {
    main: views(pod.spec?.containers, pod.status?.containerStatuses),
    init: views(pod.spec?.initContainers, pod.status?.initContainerStatuses),
  }
}
