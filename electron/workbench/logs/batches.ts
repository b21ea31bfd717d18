import type { LogLine, LogMessage } from '#shared/ipc/terminals.ts'
import type { Outlet } from '../channel/server.ts'
import { pause } from '../pause.ts'

const frame = 16
const most = 2000

/** Sends lines at most once a frame; whoever pushes more than a frame's worth waits, and with it the server. */
export class Batches {
  #outlet: Outlet<LogMessage, never>
  #lines: LogLine[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(outlet: Outlet<LogMessage, never>) {
    this.#outlet = outlet
  }

  async push(lines: readonly LogLine[]): Promise<void> {
    for (let start = 0; start < lines.length; start += most) {
      for (const line of lines.slice(start, start + most)) this.#lines.push(line)
      if (this.#lines.length < most) this.#timer ??= setTimeout(() => this.flush(), frame)
      else {
        this.flush()
        await pause(frame, this.#outlet.signal)
        await this.#outlet.clear()
      }
    }
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines.length) this.#outlet.send({ lines: this.#lines })
    this.#lines = []
  }
}
