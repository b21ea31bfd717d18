import { Readable } from 'node:stream'
import { backoffDelay } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { LogWriter } from '../log-writer.ts'
import { unlessGone, type EngineConnection } from './connection.ts'
import { logLines } from './log-lines.ts'
import { logPosition } from './log-position.ts'

export interface LoggedContainer {
  id: string
  /** Of the file that the kubelet reads. */
  logPath: string
  tty: boolean
}

/** How long the end of a log may keep the end of its container from being told. */
const patience = 2000
const retry = { initial: 200, max: 5000 }

/**
 * Has what containers say, which the engine keeps, written into the logs of pods. An agent that takes over goes on
 * where its predecessor stopped.
 */
export class ContainerLogs implements AsyncDisposable {
  readonly #connection: EngineConnection
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #following = new Map<string, Promise<void>>()

  constructor(connection: EngineConnection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** Of a container that runs, or has run. */
  follow(container: LoggedContainer): void {
    const { id } = container
    if (this.#stop.signal.aborted || this.#following.has(id)) return
    // A folder that cannot be written to loses log lines, never the container.
    this.#following.set(
      id,
      this.#follow(container).catch(() => {}),
    )
  }

  /** Resolves when all is written that a container has said, which has ended. */
  async written(id: string): Promise<void> {
    const waiting = new AbortController()
    await Promise.race([this.#following.get(id), this.#clock.sleep(patience, waiting.signal).catch(() => {})])
    waiting.abort()
  }

  forget(id: string): void {
    this.#following.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('logs are no longer followed'))
    await Promise.all(this.#following.values())
  }

  async #follow(container: LoggedContainer): Promise<void> {
    const log = new LogWriter(container.logPath, this.#clock)
    try {
      for (let failures = 0; ;) {
        await this.#copy(container, log, true).then(
          () => (failures = 0),
          () => failures++,
        )
        if (!(await this.#goesOn(container, backoffDelay(failures, retry)))) break
      }
      // Docker breaks off with the container, and what has no newline may not have been sent.
      await this.#copy(container, log, false).catch(() => {})
    } finally {
      log.close()
    }
  }

  async #copy({ id, logPath, tty }: LoggedContainer, log: LogWriter, follow: boolean): Promise<void> {
    const { signal } = this.#stop
    signal.throwIfAborted()
    const position = logPosition(logPath)
    const options = {
      stdout: true,
      stderr: true,
      timestamps: true,
      ...(position.since === undefined ? {} : { since: secondsOf(position.since) as unknown as number }),
      abortSignal: signal,
    }
    const container = this.#connection.streams.getContainer(id)
    const stream = follow
      ? ((await container.logs({ ...options, follow })) as unknown as Readable)
      : Readable.from([await container.logs(options)])
    for await (const line of logLines(stream, tty))
      if (!position.has(line)) log.write(line.stream, line.tag, line.text, line.at)
  }

  /** Whether there is more to come, after a delay: the container has not ended, or the engine does not answer for now. */
  async #goesOn({ id }: LoggedContainer, delay: number): Promise<boolean> {
    const { signal } = this.#stop
    const isOver = async () => {
      const found = await unlessGone(this.#connection.engine.getContainer(id).inspect())
      return !found?.State.Running
    }
    if (signal.aborted || (await isOver().catch(() => false))) return false
    await this.#clock.sleep(delay, signal).catch(() => {})
    return !signal.aborted
  }
}

/** As the engine takes a time. */
const secondsOf = (at: bigint): string => `${at / 1_000_000_000n}.${String(at % 1_000_000_000n).padStart(9, '0')}`
