import type { ContainerStatus, Resources, SandboxConfig, SandboxStatus } from '../api.ts'
import { isNotFound, type CriConnection } from './connection.ts'
import { resourcesAnnotation } from './container-request.ts'
import { containerStates, sandboxReady, type Container, type PodSandbox } from './messages.ts'
import { configAnnotation, nodeLabel } from './sandbox-request.ts'

export interface SeenSandbox {
  status: SandboxStatus
  config: SandboxConfig
  /** Of a process in the pod's network namespace; undefined when the runtime does not tell. */
  pid: number | undefined
}

interface Seen {
  state: number
  sandboxId: string
}

export interface Change {
  sandboxId: string
  containerId?: string
}

/** Why a container was killed may become known a moment after it is gone: until then its status is asked for again. */
const settledAfter = 5000

/**
 * What the runtime has of one node. Asked for as two lists, and in detail only for what is new or has changed its
 * state since, which is told of.
 */
export class View {
  readonly #cri: CriConnection
  readonly #selector: { filter: { label_selector: Record<string, string> } }
  readonly #now: () => number
  readonly #onChange: (change: Change) => void
  readonly #sandboxes = new Map<string, Seen & SeenSandbox>()
  readonly #containers = new Map<string, Seen & { status: ContainerStatus }>()
  /** In force, where it is no longer what was asked for in the beginning; by the id of a container or sandbox. */
  readonly #resources = new Map<string, Resources>()
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(cri: CriConnection, node: string, now: () => number, onChange: (change: Change) => void) {
    this.#cri = cri
    this.#selector = { filter: { label_selector: { [nodeLabel]: node } } }
    this.#now = now
    this.#onChange = onChange
  }

  /** Resolves when all that had happened before the call is seen. Those who ask meanwhile share the next look. */
  look(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#running = this.#next!
        this.#next = undefined
        return this.#list()
      })
    return this.#next
  }

  async sandboxes(): Promise<SeenSandbox[]> {
    await this.look()
    return [...this.#sandboxes.values()].map((seen) => ({
      ...seen,
      status: { ...seen.status, resources: this.#resources.get(seen.status.id) ?? seen.status.resources },
    }))
  }

  async containers(): Promise<ContainerStatus[]> {
    await this.look()
    return [...this.#containers.values()].map(({ status }) => ({
      ...status,
      resources: this.#resources.get(status.id) ?? status.resources,
    }))
  }

  setResources(id: string, resources: Resources): void {
    this.#resources.set(id, resources)
  }

  async #list(): Promise<void> {
    const [{ items }, { containers }] = await Promise.all([
      this.#cri.call('ListPodSandbox', this.#selector),
      this.#cri.call('ListContainers', this.#selector),
    ])
    await Promise.all([
      this.#compare(items, this.#sandboxes, (item) => this.#sandbox(item)),
      this.#compare(containers, this.#containers, (item) => this.#container(item)),
    ])
  }

  /** Looks closer at what has changed, and tells of it. */
  async #compare<Item extends { id: string; state: number }, View extends Seen>(
    items: readonly Item[],
    seen: Map<string, View>,
    lookAt: (item: Item) => Promise<View>,
  ): Promise<void> {
    const present = new Set(items.map(({ id }) => id))
    for (const [id, { sandboxId }] of seen) {
      if (present.has(id)) continue
      seen.delete(id)
      this.#resources.delete(id)
      this.#tell(sandboxId, id)
    }
    const looked = items.map(async (item) => {
      const before = seen.get(item.id)
      if (before?.state === item.state && !this.#isUnsettled(item.id)) return
      const now = await lookAt(item).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
        return undefined
      })
      if (!now) return
      seen.set(item.id, now)
      if (before?.state !== now.state) this.#tell(now.sandboxId, item.id)
    })
    await Promise.all(looked)
  }

  #tell(sandboxId: string, id: string): void {
    this.#onChange(sandboxId === id ? { sandboxId } : { sandboxId, containerId: id })
  }

  #isUnsettled(id: string): boolean {
    const status = this.#containers.get(id)?.status
    return status?.state === 'exited' && this.#now() - status.finishedAt < settledAfter
  }

  async #sandbox({ id, metadata, state, created_at, annotations }: PodSandbox): Promise<Seen & SeenSandbox> {
    const { status, info } = await this.#cri.call('PodSandboxStatus', { pod_sandbox_id: id, verbose: true })
    const config = JSON.parse(annotations[configAnnotation] ?? '{}') as SandboxConfig
    const ready = state === sandboxReady
    return {
      state,
      sandboxId: id,
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

  async #container(item: Container): Promise<Seen & { status: ContainerStatus }> {
    const { id, pod_sandbox_id: sandboxId, metadata, image_id, annotations } = item
    const { status } = await this.#cri.call('ContainerStatus', { container_id: id })
    const user = status.user?.linux
    const digested = status.image_ref.includes('@')
    return {
      state: status.state,
      sandboxId,
      status: {
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
      },
    }
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
