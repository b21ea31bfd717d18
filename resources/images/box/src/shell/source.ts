import { Incomplete } from './syntax.ts'

/** A script's text and how far it has been read. */
export class Source {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  get done(): boolean {
    return this.at >= this.text.length
  }

  peek(offset = 0): string {
    return this.text[this.at + offset] ?? ''
  }

  next(): string {
    if (this.done) throw new Incomplete('unexpected end of file')
    return this.text[this.at++]!
  }

  starts(prefix: string): boolean {
    return this.text.startsWith(prefix, this.at)
  }

  take(prefix: string): boolean {
    if (!this.starts(prefix)) return false
    this.at += prefix.length
    return true
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (!found) return undefined
    this.at += found[0].length
    return found[0]
  }

  /** Blanks, joined lines and comments. */
  skipBlanks(): void {
    for (;;) {
      if (this.match(/[ \t]+/y) !== undefined || this.take('\\\n')) continue
      if (this.peek() === '#') this.match(/[^\n]*/y)
      return
    }
  }
}
