import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PassThrough, type Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import {
  ImagePullError,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type ExecSession,
  type ImageStatus,
  type NetworkStats,
  type Resources,
  type Runtime,
  type SandboxConfig,
  type SandboxStatus,
} from '../api.ts'

export interface FakeContainer extends ContainerStatus {
  config: ContainerConfig
}

export interface FakeSandbox extends SandboxStatus {
  config: SandboxConfig
}

type ExecAnswer = { exitCode: number; stdout?: string; stderr?: string; timedOut?: boolean }

/**
 * A runtime in memory for tests of the kubelet. Containers run until they are stopped or told to `exit`; every image
 * whose name does not contain `absent` can be pulled. What a test wants otherwise it says by replacing a behaviour.
 */
export class FakeRuntime implements Runtime {
  readonly version = 'fake://1.0'
  limits: readonly string[] = []
  readonly pods = new Map<string, FakeSandbox>()
  readonly runs = new Map<string, FakeContainer>()
  /** Every call that changes something, in order, such as `start web`. */
  readonly calls: string[] = []
  readonly present = new Map<string, ImageStatus>()

  /** How a container takes its stop: the exit code, after so many milliseconds (longer than its grace: killed, 137). */
  onStop: (container: FakeContainer) => { after: number; exitCode: number } = () => ({ after: 0, exitCode: 0 })
  onExecSync: (container: FakeContainer, command: readonly string[]) => ExecAnswer | Promise<ExecAnswer> = () => ({
    exitCode: 0,
  })
  onExec: (container: FakeContainer, command: readonly string[]) => ExecSession = () => echoSession()
  onDial: (sandbox: FakeSandbox, port: number) => Promise<Duplex> = async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  }
  /** What is counted of a container, besides the least. */
  onStats: (container: FakeContainer) => Partial<ContainerStats> = () => ({})
  /** Bytes in its own root. */
  onWritten: (container: FakeContainer) => number = () => 0
  /** Throws to make a call fail. */
  onCall: (call: string) => void = () => {}

  readonly #clock: Clock
  readonly #listeners = new Set<(event: { sandboxId: string; containerId?: string }) => void>()
  #ids = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The newest run of a container of this name, of whatever pod. */
  container(name: string): FakeContainer {
    const found = [...this.runs.values()].filter((run) => run.name === name).at(-1)
    if (!found) throw new Error(`no container ${name}`)
    return found
  }

  /** Ends a container by itself. */
  exit(name: string, exitCode: number, message = ''): void {
    this.#end(this.container(name), exitCode, exitCode === 0 ? 'Completed' : 'Error', message)
  }

  /** As after a reboot: nothing runs, everything is remembered. */
  reboot(): void {
    for (const sandbox of this.pods.values()) sandbox.state = 'notready'
    for (const run of this.runs.values()) if (run.state === 'running') this.#end(run, 255, 'Unknown', '')
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    this.#call(`sandbox ${config.name}`)
    const id = `sandbox-${++this.#ids}`
    const { name, namespace, uid, attempt, hostNetwork } = config
    const ip = hostNetwork ? '' : `10.244.0.${this.#ids}`
    const [createdAt, resources] = [this.#clock.now(), config.resources ?? {}]
    this.pods.set(id, { id, name, namespace, uid, attempt, state: 'ready', ip, createdAt, resources, config })
    return id
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.pods.get(id)
    if (!sandbox || sandbox.state === 'notready') return
    this.#call(`stop-sandbox ${sandbox.name}`)
    sandbox.state = 'notready'
    for (const run of this.runs.values())
      if (run.sandboxId === id && run.state === 'running') this.#end(run, 137, 'Error', '')
    this.#tell(id)
  }

  async removeSandbox(id: string): Promise<void> {
    if (this.pods.has(id)) this.#call(`remove-sandbox ${this.pods.get(id)!.name}`)
    this.pods.delete(id)
    for (const run of this.runs.values()) if (run.sandboxId === id) this.runs.delete(run.id)
  }

  async sandboxes(): Promise<SandboxStatus[]> {
    return [...this.pods.values()].map((sandbox) => ({ ...sandbox }))
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    this.#call(`create ${config.name}`)
    const sandbox = this.pods.get(sandboxId)
    if (sandbox?.state !== 'ready') throw new Error('the sandbox is not ready')
    const id = `container-${++this.#ids}`
    const logPath = path.join(sandbox.config.logDirectory, config.logPath)
    mkdirSync(path.dirname(logPath), { recursive: true })
    writeFileSync(logPath, '')
    this.runs.set(id, {
      id,
      sandboxId,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId: `sha256:${config.image}`,
      state: 'created',
      createdAt: this.#clock.now(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      logPath,
      resources: config.resources ?? {},
      config,
    })
    return id
  }

  async startContainer(id: string): Promise<void> {
    const run = this.#run(id)
    this.#call(`start ${run.name}`)
    run.state = 'running'
    run.startedAt = this.#clock.now()
    this.#tell(run.sandboxId, id)
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const run = this.runs.get(id)
    if (!run || run.state === 'exited') return
    this.#call(`stop ${run.name} ${graceSeconds}`)
    const { after, exitCode } = this.onStop(run)
    const grace = graceSeconds * 1000
    if (after > 0) await this.#clock.sleep(Math.min(after, grace))
    if (run.state === 'running' || run.state === 'created')
      this.#end(run, after > grace ? 137 : exitCode, exitCode || after > grace ? 'Error' : 'Completed', '')
  }

  async removeContainer(id: string): Promise<void> {
    const run = this.runs.get(id)
    if (run) this.#call(`remove ${run.name}`)
    this.runs.delete(id)
  }

  async updateContainer(id: string, resources: Resources): Promise<void> {
    const run = this.#run(id)
    this.#call(`update ${run.name} ${JSON.stringify(resources)}`)
    run.resources = resources
    this.#tell(run.sandboxId, id)
  }

  async updateSandbox(id: string, resources: Resources): Promise<void> {
    const sandbox = this.pods.get(id)!
    this.#call(`update-sandbox ${sandbox.name} ${JSON.stringify(resources)}`)
    sandbox.resources = resources
  }

  async containers(): Promise<ContainerStatus[]> {
    return [...this.runs.values()].map((run) => ({ ...run }))
  }

  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    const run = this.runs.get(id)
    return run && { ...run }
  }

  async *events(signal: AbortSignal): AsyncGenerator<{ sandboxId: string; containerId?: string }> {
    const waiting: { sandboxId: string; containerId?: string }[] = []
    let wake = () => {}
    const listener = (event: { sandboxId: string; containerId?: string }) => {
      waiting.push(event)
      wake()
    }
    this.#listeners.add(listener)
    try {
      while (!signal.aborted) {
        for (let event = waiting.shift(); event; event = waiting.shift()) yield event
        await new Promise<void>((resolve) => {
          wake = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
          if (waiting.length) resolve()
        })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  async execSync(id: string, command: readonly string[]): ReturnType<Runtime['execSync']> {
    const answer = await this.onExecSync(this.#run(id), command)
    const { stdout = '', stderr = '' } = answer
    return { ...answer, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) }
  }

  async exec(id: string, command: readonly string[]): Promise<ExecSession> {
    return this.onExec(this.#run(id), command)
  }

  async attach(id: string): Promise<ExecSession> {
    return this.onExec(this.#run(id), [])
  }

  async dial(sandboxId: string, port: number): Promise<Duplex> {
    return this.onDial(this.pods.get(sandboxId)!, port)
  }

  readonly images = {
    status: async (image: string): Promise<ImageStatus | undefined> => this.present.get(image),
    pull: async (image: string): Promise<ImageStatus> => {
      this.#call(`pull ${image}`)
      if (image.includes('absent')) throw new ImagePullError(`no such image: ${image}`)
      const pulled = { id: `sha256:${image}`, tags: [image], sizeBytes: 1000 }
      this.present.set(image, pulled)
      return pulled
    },
    list: async (): Promise<ImageStatus[]> => [...this.present.values()],
    remove: async (image: string): Promise<void> => void this.present.delete(image),
  }

  async stats(): Promise<ContainerStats[]> {
    return [...this.runs.values()]
      .filter(({ state }) => state === 'running')
      .map((run) => ({
        containerId: run.id,
        sandboxId: run.sandboxId,
        at: this.#clock.now(),
        cpuNanos: 1,
        memoryBytes: 2,
        ...this.onStats(run),
      }))
  }

  async networkStats(): Promise<NetworkStats[]> {
    return []
  }

  async writtenBytes(id: string): Promise<{ bytes: number; files: number }> {
    return { bytes: this.onWritten(this.#run(id)), files: 1 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
  }

  #run(id: string): FakeContainer {
    const run = this.runs.get(id)
    if (!run) throw new Error(`no container ${id}`)
    return run
  }

  #end(run: FakeContainer, exitCode: number, reason: string, message: string): void {
    Object.assign(run, { state: 'exited', finishedAt: this.#clock.now(), exitCode, reason, message })
    this.#tell(run.sandboxId, run.id)
  }

  #call(call: string): void {
    this.calls.push(call)
    this.onCall(call)
  }

  #tell(sandboxId: string, containerId?: string): void {
    for (const listener of this.#listeners) listener({ sandboxId, ...(containerId ? { containerId } : {}) })
  }
}

/** A command that copies its input to its output and ends with it. */
export function echoSession(exitCode = 0): ExecSession & { sizes: [number, number][] } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const sizes: [number, number][] = []
  stdin.pipe(stdout)
  stderr.end()
  return {
    stdin,
    stdout,
    stderr,
    sizes,
    resize: (columns, rows) => void sizes.push([columns, rows]),
    exit: new Promise((resolve) => stdout.once('end', () => resolve(exitCode))),
    async [Symbol.asyncDispose]() {
      stdin.destroy()
      stdout.destroy()
    },
  }
}
