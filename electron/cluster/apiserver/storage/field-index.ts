import type { Entry } from '../../store/api.ts'

/** Which keys have which value of one field, in the newest state. Filled on first use, then kept by the events. */
export class FieldIndex {
  readonly #read: (entry: Entry) => string
  readonly #keys = new Map<string, Set<string>>()
  readonly #values = new Map<string, string>()
  filled = false

  constructor(read: (entry: Entry) => string) {
    this.#read = read
  }

  fill(entries: readonly Entry[]): void {
    for (const entry of entries) this.#set(entry.key, this.#read(entry))
    this.filled = true
  }

  observe(entry: Entry, present: boolean, previous: Entry | undefined): void {
    if (!this.filled) return
    if (present) this.#set(entry.key, this.#read(entry))
    else if (previous) this.#unset(entry.key)
  }

  keys(value: string): string[] {
    return [...(this.#keys.get(value) ?? [])].sort()
  }

  #set(key: string, value: string): void {
    if (this.#values.get(key) === value) return
    this.#unset(key)
    this.#values.set(key, value)
    let keys = this.#keys.get(value)
    if (!keys) this.#keys.set(value, (keys = new Set()))
    keys.add(key)
  }

  #unset(key: string): void {
    const value = this.#values.get(key)
    if (value === undefined) return
    this.#values.delete(key)
    const keys = this.#keys.get(value)
    keys?.delete(key)
    if (keys?.size === 0) this.#keys.delete(value)
  }
}
