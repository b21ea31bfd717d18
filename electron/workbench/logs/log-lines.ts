import type { LogLine } from '#shared/ipc/terminals.ts'

/** A line that never ends is cut here. */
const longest = 256 * 1024

/** Splits a log stream with timestamps into lines. Feeding it halves of lines, or of characters, is fine. */
export class LogLines {
  readonly #pod: string
  readonly #container: string
  #decoder = new TextDecoder()
  #rest = ''

  constructor(pod: string, container: string) {
    this.#pod = pod
    this.#container = container
  }

  feed(chunk: Uint8Array): LogLine[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop()!
    const found = lines.map((line) => this.#line(line))
    return this.#rest.length > longest ? [...found, ...this.flush()] : found
  }

  /** What stands after the last newline, if anything. */
  flush(): LogLine[] {
    const rest = this.#rest
    this.#rest = ''
    return rest === '' ? [] : [this.#line(rest)]
  }

  #line(line: string): LogLine {
    const space = line.indexOf(' ')
    const stamped = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(line)
    const end = stamped ? (space < 0 ? line.length : space) : 0
    return {
      time: line.slice(0, end),
      pod: this.#pod,
      container: this.#container,
      text: line.slice(stamped ? end + 1 : 0).replace(/\r$/, ''),
    }
  }
}
