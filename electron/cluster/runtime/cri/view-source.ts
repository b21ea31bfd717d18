import type { ContainerStatus, Resources, SandboxConfig } from '../api.ts'
import type { SeenSandbox, ViewSource } from '../view.ts'
import { isNotFound, type CriConnection } from './connection.ts'
import { resourcesAnnotation } from './container-request.ts'
import { containerStates, sandboxReady, type Container, type PodSandbox } from './messages.ts'
import { configAnnotation, nodeLabel } from './sandbox-request.ts'

/** What the runtime has of a node. */
export function criSource(cri: CriConnection, node: string): ViewSource<PodSandbox, Container> {
  const selector = { filter: { label_selector: { [nodeLabel]: node } } }
  return {
    async list() {
      const [{ items: sandboxes }, { containers }] = await Promise.all([
        cri.call('ListPodSandbox', selector),
        cri.call('ListContainers', selector),
      ])
      return { sandboxes, containers }
    },
    sandbox: (listed) => unlessGone(lookAtSandbox(cri, listed)),
    container: (listed) => unlessGone(lookAtContainer(cri, listed)),
  }
}

const unlessGone = <T>(looking: Promise<T>): Promise<T | undefined> =>
  looking.catch((error: unknown) => {
    if (!isNotFound(error)) throw error
    return undefined
  })

async function lookAtSandbox(
  cri: CriConnection,
  { id, metadata, state, created_at, annotations }: PodSandbox,
): Promise<SeenSandbox> {
  const { status, info } = await cri.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: true })
  const config = JSON.parse(annotations[configAnnotation] ?? '{}') as SandboxConfig
  const ready = state === sandboxReady
  return {
    config,
    pid: ready ? pidIn(info) : undefined,
    status: {
      id,
      ...metadata,
      state: ready ? 'ready' : 'notready',
      ip: config.hostNetwork ? '' : (status.network?.ip ?? ''),
      createdAt: milliseconds(created_at),
      resources: config.resources ?? {},
    },
  }
}

async function lookAtContainer(cri: CriConnection, item: Container): Promise<ContainerStatus> {
  const { id, pod_sandbox_id: sandboxId, metadata, image_id, annotations } = item
  const { status } = await cri.call('ContainerStatus', { container_id: id })
  const user = status.user?.linux
  const digested = status.image_ref.includes('@')
  return {
    id,
    sandboxId,
    ...metadata,
    image: status.image?.image || status.image?.user_specified_image || '',
    imageId: image_id || item.image_ref,
    ...(digested ? { imageRef: status.image_ref } : {}),
    state: containerStates[status.state] ?? 'unknown',
    createdAt: milliseconds(status.created_at),
    startedAt: milliseconds(status.started_at),
    // A program that is quick ends before containerd has noted that it began.
    finishedAt: status.finished_at && milliseconds(Math.max(status.finished_at, status.started_at)),
    exitCode: status.exit_code,
    reason: status.reason,
    message: status.message,
    logPath: status.log_path,
    ...(user ? { user: { uid: user.uid, gid: user.gid, supplementalGroups: user.supplemental_groups } } : {}),
    resources: JSON.parse(annotations[resourcesAnnotation] ?? '{}') as Resources,
  }
}

const milliseconds = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6)

/** containerd and CRI-O tell it alike. */
function pidIn({ info }: Record<string, string>): number | undefined {
  try {
    return (JSON.parse(info ?? '{}') as { pid?: number }).pid || undefined
  } catch {
    return undefined
  }
}
