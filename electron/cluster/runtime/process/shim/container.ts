import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { availableParallelism, constants, loadavg } from 'node:os'
import path from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { LogWriter } from '../../log-writer.ts'
import {
  frame,
  writeFrame,
  writeJson,
  type ContainerRun,
  type ContainerStart,
  type LauncherStatus,
} from './protocol.ts'
import { run, signalProcess, type Exit, type Running } from './run.ts'

/** A reader of an attach session that lags this far behind is cut off: it must not stall the container. */
const attachBacklog = 4 * 1024 * 1024
/** A start is looked for this often, and less often the longer it takes: a machine out of breath has to start programs. */
const startPoll = { firstMs: 2, mostMs: 100, share: 0.1 }
const signalPollMs = 20
const signalRepeatMs = 100
const startupMs = 1000
const mostSlowness = 10
const startFailedCode = 128

export interface ContainerDeps {
  clock: Clock
  /** Prefix for the container's files in the shim's directory. */
  prefix: string
  onChange: (run: ContainerRun) => void
}

/** One container of the pod, from its start to its recorded exit. */
export class Container {
  readonly record: ContainerRun
  readonly ended: Promise<void>
  readonly #start: ContainerStart
  readonly #deps: ContainerDeps
  readonly #attached = new Set<Duplex>()
  #running: Running | undefined
  #settle!: () => void
  #killed = false
  #stderrTail = ''

  constructor(start: ContainerStart, deps: ContainerDeps) {
    this.#start = start
    this.#deps = deps
    this.record = {
      id: start.id,
      state: 'running',
      pid: 0,
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
    }
    this.ended = new Promise((resolve) => (this.#settle = resolve))
  }

  get cgroups(): readonly string[] {
    return this.#start.cgroups
  }

  /** Resolves when the container's own program runs, or has ended already. */
  async start(): Promise<void> {
    const { clock, prefix } = this.#deps
    let log: LogWriter
    let running: Running
    try {
      log = new LogWriter(this.#start.logPath, clock)
      running = this.#running = await run(this.#start.program, clock, prefix)
    } catch (error) {
      this.#finish({ code: startFailedCode }, 'StartError', (error as Error).message)
      return
    }
    this.record.pid = this.#start.status === undefined ? running.pid : 0
    this.#pump(running.stdout, 'stdout', log)
    if (running.stderr) this.#pump(running.stderr, 'stderr', log)
    const exited = running.exit.then(() => true)
    void running.exit.then(async (exit) => {
      if (this.#start.group) this.#killGroup(running.pid)
      const finishedAt = clock.now()
      await running.drained
      log.close()
      this.#conclude(exit, finishedAt)
    })
    if (this.#start.status) await this.#awaitProgram(this.#start.status, exited)
    if (this.record.state !== 'running') return
    this.record.startedAt = clock.now()
    this.#deps.onChange(this.record)
  }

  /** The stop signal now, SIGKILL after the grace; resolves when the exit is recorded. */
  async stop(graceMs: number): Promise<void> {
    if (this.record.state !== 'running') return
    const cancel = this.#deps.clock.after(Math.max(0, graceMs), () => this.kill())
    if (graceMs > 0) void this.#sendStopSignal()
    await this.ended
    cancel()
  }

  /**
   * The kernel drops a signal that the first process of a pid namespace does not handle, and Node, while it starts, has
   * a handler that does nothing there. So the signal is sent once the program takes notice, and a program in its first
   * second, of which nobody can tell whose handler it has, gets it repeatedly.
   */
  async #sendStopSignal(): Promise<void> {
    const signal = this.#start.stopSignal as NodeJS.Signals
    if (this.#start.group || !this.record.pid) return this.#signal(signal)
    const { clock } = this.#deps
    // A machine with several times the work that it can do starts programs so many times more slowly.
    const slowness = Math.min(mostSlowness, Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()))
    const isYoung = () => clock.now() - this.record.startedAt < startupMs * slowness
    for (let owed = true; this.record.state === 'running' && (owed || isYoung());) {
      owed = !catches(this.record.pid, signal)
      if (!owed) this.#signal(signal)
      await clock.sleep(owed ? signalPollMs : signalRepeatMs)
    }
  }

  kill(): void {
    if (this.record.state !== 'running') return
    this.#killed = true
    if (!this.#running) return
    // The first process of a pid namespace takes the whole namespace with it.
    if (this.record.pid && !this.#start.group) signalProcess(this.record.pid, 'SIGKILL', false)
    else this.#killGroup(this.#running.pid)
  }

  /** What has left the process group is still in the control groups. */
  #killGroup(leader: number): void {
    signalProcess(leader, 'SIGKILL', true)
    for (const group of this.cgroups) for (const pid of membersOf(group)) signalProcess(pid, 'SIGKILL', false)
  }

  /** Output goes to the connection from now on; its stdin frames go to the container. */
  attach(connection: Duplex, stdin: boolean): void {
    if (this.record.state !== 'running') {
      writeJson(connection, { exitCode: 0 })
      connection.end()
      return
    }
    this.#attached.add(connection)
    connection.on('close', () => {
      this.#attached.delete(connection)
      if (stdin && this.#start.stdinOnce) this.#running?.stdin?.end()
    })
  }

  write(chunk: Buffer): void {
    if (this.#running?.stdin?.writable) this.#running.stdin.write(Buffer.from(chunk))
  }

  endInput(): void {
    if (this.#start.stdinOnce && !this.#start.program.tty) this.#running?.stdin?.end()
  }

  resize(columns: number, rows: number): void {
    this.#running?.resize(columns, rows)
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.record.pid) signalProcess(this.record.pid, signal, false)
    else this.kill()
  }

  #pump(stream: Readable, name: 'stdout' | 'stderr', log: LogWriter): void {
    const lines = log.stream(name)
    stream.on('data', (chunk: Buffer) => {
      lines.write(chunk)
      if (name === 'stderr') this.#stderrTail = (this.#stderrTail + chunk.toString()).slice(-1024)
      for (const connection of this.#attached) {
        if (connection.writableLength > attachBacklog) connection.destroy()
        else writeFrame(connection, name === 'stdout' ? frame.stdout : frame.stderr, chunk)
      }
    })
    stream.on('error', () => {})
    stream.on('close', () => lines.end())
  }

  /**
   * Waits until the launcher's child has become the container's program: entering the container earlier would find a
   * root that is still being put together.
   */
  async #awaitProgram({ file, launchers, processes }: LauncherStatus, exited: Promise<boolean>): Promise<void> {
    const { clock } = this.#deps
    const known = new Set(launchers.map(identityOf))
    const begun = clock.monotonic()
    for (;;) {
      const { pid } = readStatus(file)
      this.record.pid ||= processes && pid ? pidIn(processes, pid) : pid
      const program = this.record.pid ? identityOf(`/proc/${this.record.pid}/exe`) : undefined
      if (program !== undefined && !known.has(program)) return
      const pause = Math.min(
        startPoll.mostMs,
        Math.max(startPoll.firstMs, (clock.monotonic() - begun) * startPoll.share),
      )
      if (await Promise.race([exited, clock.sleep(pause).then(() => false)])) {
        await this.ended
        return
      }
    }
  }

  #conclude(exit: Exit, finishedAt: number): void {
    const { status, oomFile } = this.#start
    const told = status && readStatus(status.file)
    const started = !status || (status.tellsExit ? told?.exitCode !== undefined : told?.pid !== 0)
    if (!started && !this.#killed) {
      this.#finish(
        { code: startFailedCode },
        'StartError',
        this.#stderrTail.trim() || `the container could not be started (code ${exit.code})`,
      )
      return
    }
    const ended = told?.exitCode === undefined ? exit : { code: told.exitCode }
    const outOfMemory = ended.code === 137 && oomFile !== undefined && countsOomKill(oomFile)
    this.#finish(ended, outOfMemory ? 'OOMKilled' : ended.code === 0 ? 'Completed' : 'Error', '', finishedAt)
  }

  #finish(exit: Exit, reason: string, message: string, finishedAt = this.#deps.clock.now()): void {
    Object.assign(this.record, { state: 'exited', finishedAt, exitCode: exit.code, reason, message })
    if (exit.signal !== undefined) this.record.signal = exit.signal
    this.#deps.onChange(this.record)
    for (const connection of this.#attached) {
      writeJson(connection, { exitCode: 0 })
      connection.end()
    }
    this.#settle()
  }
}

/** The same for the same file, by whatever path. */
function identityOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file)
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

/** Whether a process has a handler for a signal; true as well when that cannot be told. */
function catches(pid: number, signal: NodeJS.Signals): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return caught === undefined || (BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) % 2n === 1n
  } catch {
    return true
  }
}

/** The number that the shim knows a process by which another pid namespace calls so; 0 where there is none. */
function pidIn(namespace: string, inner: number): number {
  try {
    const wanted = readlinkSync(namespace)
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        const numbers = /^NSpid:(.*)$/m
          .exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
          ?.trim()
          .split(/\s+/)
        if (numbers?.at(-1) === String(inner) && readlinkSync(`/proc/${name}/ns/pid`) === wanted) return Number(name)
      } catch {
        // It has ended meanwhile.
      }
    }
  } catch {
    // The namespace has.
  }
  return 0
}

function membersOf(cgroup: string): number[] {
  try {
    return readFileSync(path.join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function readStatus(file: string): { pid: number; exitCode?: number } {
  const status: { pid: number; exitCode?: number } = { pid: 0 }
  try {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (!line.endsWith('}')) continue
      const document = JSON.parse(line) as { 'child-pid'?: number; 'exit-code'?: number }
      if (document['child-pid'] !== undefined) status.pid = document['child-pid']
      if (document['exit-code'] !== undefined) status.exitCode = document['exit-code']
    }
  } catch {
    // Not written yet.
  }
  return status
}

function countsOomKill(file: string): boolean {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) > 0
  } catch {
    return false
  }
}
