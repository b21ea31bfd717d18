import type { Outlet } from '../channel/server.ts'
import { pause } from '../pause.ts'

/** The renderer's end of a stream, without a channel in between. */
export class FakeOutlet<Down, Up = never> implements Outlet<Down, Up> {
  readonly heard: Down[] = []
  congested = false
  #abort = new AbortController()
  #receive: (message: Up) => void = () => {}

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  send(message: Down): void {
    // As over a real channel: what is sent cannot be changed any more.
    if (!this.#abort.signal.aborted) this.heard.push(structuredClone(message))
  }

  onMessage(callback: (message: Up) => void): void {
    this.#receive = callback
  }

  async clear(): Promise<void> {
    while (this.congested && !this.signal.aborted) await pause(1, this.signal)
  }

  /** What the renderer says. */
  say(message: Up): void {
    this.#receive(message)
  }

  close(): void {
    this.#abort.abort()
  }

  get last(): Down | undefined {
    return this.heard.at(-1)
  }
}
