import type { ContainerStatus, Resources, SandboxConfig, SandboxStatus } from './api.ts'

export interface SeenSandbox {
  status: SandboxStatus
  config: SandboxConfig
  /** Of a process in the pod's network namespace; undefined when the runtime does not tell. */
  pid: number | undefined
}

/** What a list tells of a container or sandbox. */
export interface Listed {
  id: string
  /** Compared only: in the runtime's own terms. */
  state: number | string
}

/** How a runtime is asked for what it has of one node. */
export interface ViewSource<Sandbox extends Listed, Container extends Listed> {
  list(): Promise<{ sandboxes: readonly Sandbox[]; containers: readonly Container[] }>
  /** Undefined when it is gone meanwhile. */
  sandbox(listed: Sandbox): Promise<SeenSandbox | undefined>
  container(listed: Container): Promise<ContainerStatus | undefined>
}

interface Seen {
  state: number | string
  sandboxId: string
}

export interface Change {
  sandboxId: string
  containerId?: string
}

/** Why a container was killed may become known a moment after it is gone: until then its status is asked for again. */
const settledAfter = 5000

/**
 * What a container runtime has of one node. Asked for as two lists, and in detail only for what is new or has changed its
 * state since, which is told of.
 */
export class View<Sandbox extends Listed = Listed, Container extends Listed = Listed> {
  readonly #source: ViewSource<Sandbox, Container>
  readonly #now: () => number
  readonly #onChange: (change: Change) => void
  readonly #sandboxes = new Map<string, Seen & SeenSandbox>()
  readonly #containers = new Map<string, Seen & { status: ContainerStatus }>()
  /** In force, where it is no longer what was asked for in the beginning; by the id of a container or sandbox. */
  readonly #resources = new Map<string, Resources>()
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(source: ViewSource<Sandbox, Container>, now: () => number, onChange: (change: Change) => void) {
    this.#source = source
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

  /** Throws where there is none. */
  async sandbox(id: string): Promise<SeenSandbox> {
    const sandbox = (await this.sandboxes()).find(({ status }) => status.id === id)
    if (!sandbox) throw new Error(`there is no sandbox ${id}`)
    return sandbox
  }

  async container(id: string): Promise<ContainerStatus | undefined> {
    return (await this.containers()).find((status) => status.id === id)
  }

  /** Throws where there is none, or where it does not run. */
  async running(id: string): Promise<ContainerStatus> {
    const status = await this.container(id)
    if (!status) throw new Error(`there is no container ${id}`)
    if (status.state !== 'running') throw new Error(`container ${status.name} is not running`)
    return status
  }

  setResources(id: string, resources: Resources): void {
    this.#resources.set(id, resources)
  }

  /** Has a container or sandbox looked at again although its state is the same. */
  forget(id: string): void {
    this.#sandboxes.delete(id)
    this.#containers.delete(id)
  }

  async #list(): Promise<void> {
    const { sandboxes, containers } = await this.#source.list()
    await Promise.all([
      this.#compare(sandboxes, this.#sandboxes, async (listed) => {
        const found = await this.#source.sandbox(listed)
        return found && { ...found, state: listed.state, sandboxId: listed.id }
      }),
      this.#compare(containers, this.#containers, async (listed) => {
        const status = await this.#source.container(listed)
        return status && { status, state: listed.state, sandboxId: status.sandboxId }
      }),
    ])
  }

  /** Looks closer at what has changed, and tells of it. */
  async #compare<Item extends Listed, View extends Seen>(
    items: readonly Item[],
    seen: Map<string, View>,
    lookAt: (item: Item) => Promise<View | undefined>,
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
      const now = await lookAt(item)
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
}
