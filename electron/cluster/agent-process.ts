import { fork, type ChildProcess } from 'node:child_process'
import { backoffDelay } from './base/backoff.ts'
import type { Clock } from './base/clock.ts'
import type { Logger } from './base/logger.ts'
import type { AgentConfig, FromAgent, Place, ToAgent } from './agent-config.ts'
import { agentNodeFlags } from './options.ts'
import type { ShutdownGrace } from './kubelet/shutdown/graces.ts'

export interface AgentProcessDeps {
  clock: Clock
  logger: Logger
  entry: string
  nodeBinary: string
  config: AgentConfig
}

const restart = { initial: 100, max: 10_000 }
/** How long the agent may take to let go of everything, in milliseconds. It takes a fraction, but on a machine out of breath. */
const patience = 15_000

/**
 * Keeps the agent's process running. Pods outlive a crash of it: the next one finds their shims again. When this
 * process dies, the agent sees its IPC channel close and ends everything.
 */
export class AgentProcess implements AsyncDisposable {
  readonly #deps: AgentProcessDeps
  #child: ChildProcess | undefined
  #failures = 0
  #stopping = false
  #cancel: (() => void) | undefined
  #mapped = false
  #onShutDown = () => {}
  #unenforced: string | undefined
  #questions = 0
  readonly #asked = new Map<number, (place: Place | 'refused') => void>()

  constructor(deps: AgentProcessDeps) {
    this.#deps = deps
    this.#start()
  }

  #start(): void {
    const { clock, logger, entry, nodeBinary, config } = this.#deps
    const child = fork(entry, [], {
      execPath: nodeBinary,
      execArgv: [...agentNodeFlags],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child = child
    child.send({ type: 'start', config } satisfies ToAgent)
    child.on('message', (message: FromAgent) => {
      if (message.type === 'located') {
        this.#asked.get(message.question)?.(message.place)
        this.#asked.delete(message.question)
        return
      }
      if (message.type === 'shutDown') return this.#onShutDown()
      this.#failures = 0
      this.#mapped = message.mapped
      this.#unenforced = message.unenforced
    })
    child.on('exit', (code, signal) => {
      this.#child = undefined
      for (const answer of this.#asked.values()) answer('refused')
      this.#asked.clear()
      if (this.#stopping) return
      const delay = backoffDelay(this.#failures++, restart)
      logger.error('the agent ended and is started again', { code, signal, delay })
      this.#cancel = clock.after(delay, () => this.#start())
    })
  }

  /** Why NetworkPolicies hold nothing back on this machine; undefined where they do, and while that is not known. */
  get unenforced(): string | undefined {
    return this.#unenforced
  }

  /** Where an address of the cluster's network is on this machine. Rejects when nobody listens there. */
  async locate(address: Place): Promise<Place> {
    const child = this.#child
    if (!this.#mapped || !child?.connected) return address
    const { host, port } = address
    const question = ++this.#questions
    const place = await new Promise<Place | 'refused'>((resolve) => {
      this.#asked.set(question, resolve)
      child.send({ type: 'locate', question, address: { host, port } } satisfies ToAgent)
    })
    if (place !== 'refused') return place
    const refusal = { code: 'ECONNREFUSED', syscall: 'connect', address: host, port }
    throw Object.assign(new Error(`dial tcp ${host}:${port}: connect: connection refused`), refusal)
  }

  /** Has the nodes shut down; resolves when they have, or when their time is over. */
  async shutDown(graces: readonly ShutdownGrace[]): Promise<void> {
    const child = this.#child
    if (!child?.connected) return
    const { clock } = this.#deps
    const over = new AbortController()
    const done = new Promise<void>((resolve) => {
      this.#onShutDown = resolve
      child.once('exit', () => resolve())
    })
    child.send({ type: 'shutDown', graces } satisfies ToAgent)
    const most = graces.reduce((sum, { seconds }) => sum + seconds * 1000, patience)
    await Promise.race([done, clock.sleep(most, over.signal).catch(() => {})])
    over.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    this.#cancel?.()
    const child = this.#child
    if (!child) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    if (child.connected) child.send({ type: 'stop' } satisfies ToAgent)
    const cancel = this.#deps.clock.after(patience, () => child.kill('SIGKILL'))
    await gone
    cancel()
  }
}
