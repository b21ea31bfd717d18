import { plainText } from './ansi.ts'

export interface LogEntry {
  time: string
  /** Index of its source: which pod and container it is from. */
  source: number
  text: string
  /** What the stream says about itself rather than a line of the log. */
  note?: boolean
}

export type LineTest = (text: string) => boolean

/** Words that must all occur, or /regex/. An unfinished regular expression is taken for text. Undefined for no filter. */
export function lineTest(filter: string): LineTest | undefined {
  const text = filter.trim()
  if (!text) return undefined
  const regular = /^\/(.+)\/$/.exec(text)?.[1]
  if (regular) {
    try {
      const expression = new RegExp(regular, 'i')
      return (line) => expression.test(line)
    } catch {
      // Falls through: it is being typed.
    }
  }
  const words = text.toLowerCase().split(/\s+/)
  return (line) => {
    const low = line.toLowerCase()
    return words.every((word) => low.includes(word))
  }
}

/**
 * The last `capacity` lines, and which of them match. Lines have numbers that never change; the oldest are let go in
 * blocks, so that adding stays cheap.
 */
export class LogBuffer {
  readonly capacity: number
  #lines: LogEntry[] = []
  /** Number of the first line kept. */
  #first = 0
  #test: LineTest | undefined
  #matches: number[] = []

  constructor(capacity = 200_000) {
    this.capacity = capacity
  }

  get length(): number {
    return this.#lines.length
  }
  /** How many were let go. */
  get dropped(): number {
    return this.#first
  }
  get matches(): readonly number[] {
    return this.#matches
  }
  get filtering(): boolean {
    return this.#test !== undefined
  }

  line(number: number): LogEntry | undefined {
    return this.#lines[number - this.#first]
  }
  /** The line at a place counted from the oldest one kept. */
  at(place: number): LogEntry | undefined {
    return this.#lines[place]
  }

  push(entries: readonly LogEntry[]): void {
    let number = this.#first + this.#lines.length
    for (const entry of entries) {
      this.#lines.push(entry)
      if (this.#test?.(plainText(entry.text))) this.#matches.push(number)
      number++
    }
    const excess = this.#lines.length - this.capacity
    if (excess > this.capacity / 10 || (excess > 0 && this.capacity < 100)) this.#drop(excess)
  }

  #drop(count: number): void {
    this.#lines.splice(0, count)
    this.#first += count
    const keep = this.#matches.findIndex((number) => number >= this.#first)
    this.#matches.splice(0, keep < 0 ? this.#matches.length : keep)
  }

  filter(test: LineTest | undefined): void {
    this.#test = test
    this.#matches = []
    if (!test) return
    for (const [place, entry] of this.#lines.entries()) {
      if (test(plainText(entry.text))) this.#matches.push(this.#first + place)
    }
  }

  clear(): void {
    this.#first += this.#lines.length
    this.#lines = []
    this.#matches = []
  }

  /** The whole text, as `kubectl logs` would print it. */
  text(format: (entry: LogEntry) => string): string {
    return this.#lines.map((entry) => format(entry)).join('\n')
  }
}
