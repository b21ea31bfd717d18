import type { Place } from '../api.ts'
import { portProblem, type PortProblem } from './port-problem.ts'
import type { Listener } from './tcp-listener.ts'

/** A port of this machine that is listened on, or another one where that cannot be had. */
export class ListeningPort {
  /** The number that was asked for. */
  readonly wanted: number
  readonly #candidates: readonly number[]
  readonly #listen: (place: Place) => Promise<Listener>
  readonly #hosts: readonly [string, ...string[]]
  #listeners: readonly Listener[] = []
  #error: NodeJS.ErrnoException | undefined

  /**
   * `candidates`: what to try, the wanted one first; 0 is any. `listen` rejects with the system's error. `hosts`: default
   * localhost in both families, or it would reach another program half of the time; but not every machine has IPv6.
   */
  constructor(
    candidates: readonly number[],
    listen: (place: Place) => Promise<Listener>,
    hosts: readonly [string, ...string[]] = ['127.0.0.1', '::1'],
  ) {
    this.wanted = candidates[0]!
    this.#candidates = candidates
    this.#listen = listen
    this.#hosts = hosts
  }

  /** The number that is served; undefined when none could be had. */
  get bound(): number | undefined {
    return this.#listeners[0]?.port
  }

  /** Why `bound` is not `wanted`. */
  get problem(): PortProblem | undefined {
    return this.#error && portProblem(this.#error, this.wanted, this.bound)
  }

  /** Called again it tries for a better one than it has. */
  async open(): Promise<void> {
    const before = this.#listeners
    if (before.length && !this.#error) return
    let firstError: NodeJS.ErrnoException | undefined
    for (const port of this.#candidates) {
      // Nothing better than what is already served.
      if (before.length && (port === 0 || port === this.bound)) break
      try {
        this.#listeners = await this.#listenOnAll(port)
        this.#error = firstError
        await closeAll(before)
        return
      } catch (error) {
        firstError ??= error as NodeJS.ErrnoException
      }
    }
    this.#error = firstError
  }

  /** Frees the port; connections drain. */
  async close(): Promise<void> {
    const listeners = this.#listeners
    this.#listeners = []
    this.#error = undefined
    await closeAll(listeners)
  }

  /** The first host has to be had; a family that the machine does not have is left out. */
  async #listenOnAll(wanted: number): Promise<Listener[]> {
    const [first, ...others] = this.#hosts
    const listeners = [await this.#listen({ host: first, port: wanted })]
    const { port } = listeners[0]!
    for (const host of others) {
      try {
        listeners.push(await this.#listen({ host, port }))
      } catch (error) {
        if (['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) continue
        await closeAll(listeners)
        throw error
      }
    }
    return listeners
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()))
}
