/** Something by host name: names as they are, wildcards for exactly one label, and `''` for every host. */
export class HostMap<T> {
  readonly #exact = new Map<string, T>()
  /** By what follows `*.`. */
  readonly #wildcards = new Map<string, T>()
  #every: T | undefined

  /** What was set for this very host or wildcard. */
  at(host: string): T | undefined {
    if (host === '') return this.#every
    return host.startsWith('*.') ? this.#wildcards.get(host.slice(2)) : this.#exact.get(host)
  }

  set(host: string, value: T): void {
    if (host === '') this.#every = value
    else if (host.startsWith('*.')) this.#wildcards.set(host.slice(2), value)
    else this.#exact.set(host, value)
  }

  *entries(): Generator<readonly [host: string, value: T]> {
    yield* this.#exact
    for (const [suffix, value] of this.#wildcards) yield [`*.${suffix}`, value]
    if (this.#every !== undefined) yield ['', this.#every]
  }

  /** All that hold for a name, the closest first. */
  *matching(name: string): Generator<T> {
    const exact = this.#exact.get(name)
    if (exact !== undefined) yield exact
    const dot = name.indexOf('.')
    const wildcard = dot > 0 ? this.#wildcards.get(name.slice(dot + 1)) : undefined
    if (wildcard !== undefined) yield wildcard
    if (this.#every !== undefined) yield this.#every
  }

  /** The closest. */
  get(name: string): T | undefined {
    for (const value of this.matching(name)) return value
    return undefined
  }
}

/** A name or an address, and a port. Without user names: where each reader sees another host. RFC 9110, 4.2.4. */
export const isAuthority = (text: string): boolean => /^(?:\[[\da-f:.]+\]|[^\s@:/?#[\]\\]*)(?::\d*)?$/i.test(text)

/** The name in a Host header or `:authority`: without its port, in lower case. */
export function hostName(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':')
  const name = end > 0 ? authority.slice(0, end) : authority
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}
