import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'

const signals: Readonly<Record<string, number>> = constants.signals

export const statusOf = (code: number | null, signal: string | null): number =>
  signal === null ? (code ?? 0) : 128 + (signals[signal] ?? 0)

/** The exit status of a child, or of the failure to start it. */
export function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(statusOf(code, signal)))
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ENOENT' ? 127 : 126))
  })
}

interface Job {
  number: number
  pid: number
  text: string
  exit: Promise<number>
  status?: number
}

/** Commands in the background. */
export class Jobs {
  readonly #jobs: Job[] = []

  add(pid: number, text: string, exit: Promise<number>): Job {
    const job: Job = { number: (this.#jobs.at(-1)?.number ?? 0) + 1, pid, text, exit }
    this.#jobs.push(job)
    void exit.then((status) => (job.status = status))
    return job
  }

  /** By process id or `%number`. */
  find(name: string): Job | undefined {
    if (name === '%%' || name === '%+' || name === '%') return this.#jobs.at(-1)
    return this.#jobs.find((job) =>
      name.startsWith('%') ? job.number === Number(name.slice(1)) : job.pid === Number(name),
    )
  }

  list(): readonly Job[] {
    return this.#jobs
  }

  forget(job: Job): void {
    const at = this.#jobs.indexOf(job)
    if (at >= 0) this.#jobs.splice(at, 1)
  }

  /** Those that ended since it was last asked. */
  ended(): Job[] {
    const ended = this.#jobs.filter(({ status }) => status !== undefined)
    ended.forEach((job) => this.forget(job))
    return ended
  }
}
