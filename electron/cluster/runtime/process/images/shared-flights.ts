/**
 * Work that several want at once is done once. It is aborted when nobody waits for it any more; one who gives up leaves
 * the others theirs.
 */
export class SharedFlights<T> {
  readonly #flights = new Map<string, { result: Promise<T>; stop: AbortController; waiting: number }>()

  async join(key: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#start(key, work)
    flight.waiting++
    let leave = () => {}
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal!.reason as Error)
      signal?.addEventListener('abort', leave, { once: true })
    })
    try {
      return await Promise.race([flight.result, left])
    } finally {
      signal?.removeEventListener('abort', leave)
      if (--flight.waiting === 0) flight.stop.abort(new Error('nobody waits for it any more'))
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>) {
    const stop = new AbortController()
    const result = work(stop.signal).finally(() => {
      if (this.#flights.get(key)?.stop === stop) this.#flights.delete(key)
    })
    // Those who wait are told; when nobody does, nobody needs to be.
    result.catch(() => {})
    // One that has been given up is not joined: it fails.
    stop.signal.addEventListener('abort', () => {
      if (this.#flights.get(key)?.stop === stop) this.#flights.delete(key)
    })
    const flight = { result, stop, waiting: 0 }
    this.#flights.set(key, flight)
    return flight
  }
}
