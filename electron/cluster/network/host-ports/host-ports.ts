import type { Socket } from 'node:net'
import type { PodReference, PortMapping } from '../api.ts'
import type { NewEntrance } from '../entrances/entrance-table.ts'
import { retryMs, type PortProblem } from '../listeners/port-problem.ts'
import { HostPort, type HostPortDeps, type PodPlace } from './host-port.ts'

export interface HostPortsDeps extends Omit<HostPortDeps, 'connections'> {
  /** Has the kernel lead from all of these, and from nothing that it was given before. */
  lead(entrances: readonly NewEntrance[]): Promise<void>
  /** Told once of what a pod does not get: a CamelCase reason and a sentence. */
  onProblem(pod: PodReference, problem: PortProblem): void
}

export interface ExposedPod extends PodPlace {
  readonly reference: PodReference
  readonly portMappings: readonly PortMapping[]
}

interface Exposed {
  readonly reference: PodReference
  readonly ports: readonly HostPort[]
  told: string | undefined
}

/** The host ports of the pods of this machine. One that is taken is tried again from time to time, and when a pod leaves. */
export class HostPorts implements AsyncDisposable {
  readonly #deps: HostPortsDeps
  readonly #connections = new Set<Socket>()
  /** By sandbox. */
  readonly #exposed = new Map<string, Exposed>()
  #work: Promise<void> = Promise.resolve()
  #cancelRetry: (() => void) | undefined
  #closing = false

  constructor(deps: HostPortsDeps) {
    this.#deps = deps
  }

  /** Resolves when the ports that can be had lead to the pod. */
  async open(sandboxId: string, { reference, portMappings, ...place }: ExposedPod): Promise<void> {
    const deps = { ...this.#deps, connections: this.#connections }
    const ports = portMappings.flatMap(({ hostPort, ...mapping }) =>
      hostPort ? [new HostPort({ ...mapping, hostPort }, place, deps)] : [],
    )
    if (!ports.length || this.#closing) return
    this.#exposed.set(sandboxId, { reference, ports, told: undefined })
    await this.#update()
  }

  /** Resolves when the ports are free. */
  async close(sandboxId: string): Promise<void> {
    const left = this.#exposed.get(sandboxId)
    if (!left) return
    this.#exposed.delete(sandboxId)
    await this.#update(left.ports)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    const left = [...this.#exposed.values()].flatMap(({ ports }) => ports)
    this.#exposed.clear()
    await this.#update(left)
    for (const connection of this.#connections) connection.resetAndDestroy()
  }

  #update(left: readonly HostPort[] = []): Promise<void> {
    this.#work = this.#work.then(async () => {
      for (const port of left) await port.close()
      const pods = [...this.#exposed.values()]
      const ports = pods.flatMap((pod) => pod.ports)
      for (const port of ports) await port.open()
      await this.#deps.lead(ports.flatMap(({ entrance }) => entrance ?? []))
      const shared = new Set(ports.flatMap(({ localhost }) => localhost ?? []))
      pods.forEach((pod) => this.#tell(pod, shared))
      this.#cancelRetry?.()
      this.#cancelRetry = ports.some((port) => port.problem())
        ? this.#deps.clock.after(retryMs, () => void this.#update())
        : undefined
    })
    return this.#work
  }

  /** Pods of several nodes may have the same port: localhost leads to the first. */
  #tell(pod: Exposed, shared: ReadonlySet<string>): void {
    const problems = pod.ports.flatMap((port) => port.problem(shared) ?? [])
    const text = JSON.stringify(problems)
    if (text === pod.told) return
    pod.told = text
    for (const problem of problems) this.#deps.onProblem(pod.reference, problem)
  }
}
