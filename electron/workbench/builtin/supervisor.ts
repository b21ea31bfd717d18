import type { BuiltinStatus } from '#shared/ipc/hosts.ts'
import { follow } from '../channel/follow.ts'
import type { RequestHandlers, StreamHandlers } from '../channel/server.ts'
import { forgetData } from './data.ts'
import { ClusterProcess, type Ending } from './process.ts'

export interface SupervisorOptions {
  dataDirectory: string
  /** The Node that runs the cluster, and the bundle of its process. */
  nodeBinary: string
  /** Node's own. */
  nodeFlags?: readonly string[]
  entry: string
  onStatus?(status: BuiltinStatus): void
  /** Milliseconds before the n-th restart in a row. */
  restartDelays?: readonly number[]
  /** A process that lived this long was well: the next crash counts as the first. */
  wellMs?: number
}

const usualDelays = [200, 1000, 5000, 15_000, 60_000]
/** A cluster that never came up is not tried more often. */
const mostStarts = 3

/**
 * Runs the built-in cluster's process: starts, stops, resets it, and starts it again when it crashes. One thing after
 * the other: whoever asks for a start during a stop gets it afterwards.
 */
export class Supervisor implements AsyncDisposable {
  status: BuiltinStatus
  #options: SupervisorOptions
  #process: ClusterProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #queue: Promise<void> = Promise.resolve()
  #listeners = new Set<() => void>()
  #crashes = 0
  #everReady = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.status = { state: 'stopped', dataDirectory: options.dataDirectory, restarts: 0 }
  }

  start(): void {
    // What goes wrong from here on is the status.
    void this.#inTurn(() => {
      if (this.#process && !this.#process.ending) return
      this.#crashes = 0
      this.#everReady = false
      this.#spawn('starting')
    })
  }

  /** Resolves when the process is gone. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#stop())
  }

  /** Forgets every object, key and volume of the cluster, then starts a new one. */
  async reset(): Promise<void> {
    await this.#inTurn(async () => {
      const wasRunning = this.#process !== undefined
      await this.#stop()
      try {
        await forgetData(this.#options.dataDirectory)
      } catch (error) {
        if (wasRunning) this.#spawn('starting')
        throw error
      }
      this.status = { ...this.status, restarts: 0 }
      this.#crashes = 0
      this.#everReady = false
      this.#spawn('starting')
    })
  }

  requests(): Pick<RequestHandlers, 'builtin.start' | 'builtin.stop' | 'builtin.reset'> {
    return {
      'builtin.start': () => this.start(),
      'builtin.stop': () => this.stop(),
      'builtin.reset': () => this.reset(),
    }
  }

  streams(): Pick<StreamHandlers, 'builtin.watch'> {
    return {
      'builtin.watch': (_params, outlet) =>
        follow(
          outlet,
          () => this.status,
          (changed) => this.onChange(changed),
        ),
    }
  }

  onChange(callback: () => void): Disposable {
    this.#listeners.add(callback)
    return { [Symbol.dispose]: () => void this.#listeners.delete(callback) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #inTurn(work: () => void | Promise<void>): Promise<void> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {})
    return done
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer)
    const running = this.#process
    this.#process = undefined
    await running?.end()
    this.#set({ state: 'stopped' })
  }

  #spawn(state: 'starting' | 'restarting'): void {
    clearTimeout(this.#timer)
    this.#set({ state })
    const { nodeBinary, nodeFlags = [], entry, dataDirectory } = this.#options
    const process = new ClusterProcess(nodeBinary, [...nodeFlags, entry, JSON.stringify({ dataDirectory })])
    this.#process = process
    process.onReady(({ server, kubeconfig, pid }) => {
      if (this.#process !== process) return
      this.#everReady = true
      this.#set({ state: 'running', server, kubeconfig, pid })
    })
    void process.gone.then((ending) => {
      if (this.#process !== process) return
      this.#process = undefined
      this.#ended(ending)
    })
  }

  /** It ended unasked. */
  #ended({ reason, told, livedMs, lastWords }: Ending): void {
    // It said why it cannot run: starting it again would not help.
    if (told) return this.#set({ state: 'failed', ...told })
    const { restartDelays = usualDelays, wellMs = 60_000 } = this.#options
    this.#crashes = livedMs < wellMs ? this.#crashes + 1 : 1
    const how = lastWords ? `${reason}: ${lastWords}` : reason
    if (!this.#everReady && this.#crashes >= mostStarts)
      return this.#set({
        state: 'failed',
        message: `The cluster does not start (${how}).`,
        cure: `Look into ${this.status.dataDirectory}/logs, or reset the cluster.`,
      })
    this.status = { ...this.status, restarts: this.status.restarts + 1 }
    this.#set({ state: 'restarting', message: `The cluster stopped unexpectedly (${how}) and is started again.` })
    const delay = restartDelays[Math.min(this.#crashes, restartDelays.length) - 1] ?? 0
    this.#timer = setTimeout(() => {
      void this.#inTurn(() => {
        // Stopped or started meanwhile.
        if (this.status.state === 'restarting' && !this.#process) this.#spawn('restarting')
      })
    }, delay)
  }

  #set(change: Pick<BuiltinStatus, 'state'> & Partial<BuiltinStatus>): void {
    const { dataDirectory, restarts } = this.status
    this.status = { dataDirectory, restarts, ...change }
    this.#options.onStatus?.(this.status)
    for (const callback of this.#listeners) callback()
  }
}
