import type { ContainerStatus as RuntimeStatus, Runtime, SandboxStatus } from '../../runtime/api.ts'
import { terminationMessage } from '../containers/termination-message.ts'
import type { NodeDirectories } from '../directories.ts'
import { findContainer, uidOf, type Pod, type PodRuntime, type RuntimeContainer } from '../types.ts'

/** What the runtime knows, pod by pod. */
export class Inspector {
  readonly #runtime: Runtime
  readonly #directories: NodeDirectories
  /** By container id: the message of an ended container does not change. */
  readonly #messages = new Map<string, string>()
  readonly #uidBySandbox = new Map<string, string>()

  constructor(runtime: Runtime, directories: NodeDirectories) {
    this.#runtime = runtime
    this.#directories = directories
  }

  async inspect(pod: Pod): Promise<PodRuntime> {
    const { sandboxes, containers } = (await this.#list()).get(uidOf(pod)) ?? { sandboxes: [], containers: [] }
    return {
      sandboxes,
      containers: await Promise.all(containers.map((container) => this.#withMessage(pod, container))),
    }
  }

  /** Everything in the runtime, by the uid of its pod. */
  all(): Promise<Map<string, PodRuntime>> {
    return this.#list()
  }

  /** The pod that an event of the runtime is about. */
  async podOf(sandboxId: string): Promise<string | undefined> {
    if (!this.#uidBySandbox.has(sandboxId)) await this.#list()
    return this.#uidBySandbox.get(sandboxId)
  }

  forget(runtime: PodRuntime): void {
    for (const { id } of runtime.containers) this.#messages.delete(id)
    for (const { id } of runtime.sandboxes) this.#uidBySandbox.delete(id)
  }

  async #list(): Promise<Map<string, { sandboxes: SandboxStatus[]; containers: RuntimeStatus[] }>> {
    const [sandboxes, containers] = await Promise.all([this.#runtime.sandboxes(), this.#runtime.containers()])
    const pods = new Map<string, { sandboxes: SandboxStatus[]; containers: RuntimeStatus[] }>()
    for (const sandbox of sandboxes.toSorted(newestFirst)) {
      this.#uidBySandbox.set(sandbox.id, sandbox.uid)
      const pod = pods.get(sandbox.uid)
      if (pod) pod.sandboxes.push(sandbox)
      else pods.set(sandbox.uid, { sandboxes: [sandbox], containers: [] })
    }
    for (const container of containers.toSorted(newestFirst)) {
      pods.get(this.#uidBySandbox.get(container.sandboxId) ?? '')?.containers.push(container)
    }
    return pods
  }

  async #withMessage(pod: Pod, status: RuntimeStatus): Promise<RuntimeContainer> {
    const container = status.state === 'exited' ? findContainer(pod, status.name)?.container : undefined
    if (!container) return status
    const known = this.#messages.get(status.id)
    const file = this.#directories.terminationLog(uidOf(pod), status.name, status.attempt)
    const message = known ?? (await terminationMessage(container, status, file))
    this.#messages.set(status.id, message)
    return message ? { ...status, terminationMessage: message } : status
  }
}

const newestFirst = (a: { attempt: number; createdAt: number }, b: { attempt: number; createdAt: number }): number =>
  b.createdAt - a.createdAt || b.attempt - a.attempt
