const frame = 8
const most = 256 * 1024

/** What a terminal shows: bytes become text, and what comes within a few milliseconds one message. */
export class Screen {
  #decoder = new TextDecoder()
  #text = ''
  #timer: NodeJS.Timeout | undefined
  #drawn: (() => void)[] = []
  #show: (text: string) => void

  constructor(show: (text: string) => void) {
    this.#show = show
  }

  /** More than a message's worth waits to be shown. */
  get full(): boolean {
    return this.#text.length > most
  }

  write(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true })
    this.#timer ??= setTimeout(() => this.#draw(), frame)
  }

  /** Resolves once everything is shown. */
  drawn(): Promise<void> {
    return this.#timer ? new Promise((resolve) => this.#drawn.push(resolve)) : Promise.resolve()
  }

  end(): void {
    this.#text += this.#decoder.decode()
    this.#draw()
  }

  #draw(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#text) this.#show(this.#text)
    this.#text = ''
    for (const resolve of this.#drawn.splice(0)) resolve()
  }
}
