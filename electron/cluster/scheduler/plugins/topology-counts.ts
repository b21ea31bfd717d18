/** Counts per domain: by the key of a topology, then by its value. What has come down to nothing is forgotten. */
export class TopologyCounts {
  readonly #keys = new Map<string, Map<string, number>>()

  get size(): number {
    return this.#keys.size
  }

  add(key: string, value: string | undefined, count: number): void {
    if (value === undefined || count === 0) return
    let values = this.#keys.get(key)
    if (!values) this.#keys.set(key, (values = new Map()))
    const sum = (values.get(value) ?? 0) + count
    if (sum !== 0) values.set(value, sum)
    else if (values.delete(value) && values.size === 0) this.#keys.delete(key)
  }

  get(key: string, value: string): number {
    return this.#keys.get(key)?.get(value) ?? 0
  }

  /** The sum over the domains that labels name. */
  sum(labels: Readonly<Record<string, string>>): number {
    let sum = 0
    for (const [key, values] of this.#keys) {
      const value = labels[key]
      if (value !== undefined) sum += values.get(value) ?? 0
    }
    return sum
  }

  /** Whether any of the domains that labels name has a count. */
  touches(labels: Readonly<Record<string, string>>): boolean {
    for (const [key, values] of this.#keys) {
      const value = labels[key]
      if (value !== undefined && (values.get(value) ?? 0) > 0) return true
    }
    return false
  }
}
