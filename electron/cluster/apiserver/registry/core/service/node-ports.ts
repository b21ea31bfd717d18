import type { StrategyContext } from '../../kind.ts'
import { Pool, staticBand } from './pool.ts'
import { Unavailable } from './unavailable.ts'

/** The node ports of services. */
export class Ports {
  readonly #first: number
  readonly #last: number
  readonly #pool: Pool

  constructor(first: number, last: number) {
    this.#first = first
    this.#last = last
    const size = last - first + 1
    this.#pool = new Pool(size, staticBand(size, 16, 128, 32))
  }

  /** Upstream does not hold dry runs to the range. */
  claim(port: number, anywhere: boolean): void {
    if (this.#inRange(port)) {
      if (!this.#pool.take(port - this.#first)) throw new Unavailable('provided port is already allocated')
    } else if (!anywhere) {
      const range = `${this.#first}-${this.#last}`
      throw new Unavailable(`provided port is not in the valid range. The range of valid ports is ${range}`)
    }
  }

  take(port: number): void {
    if (this.#inRange(port)) this.#pool.take(port - this.#first)
  }

  clear(): void {
    this.#pool.clear()
  }

  get range(): string {
    return `${this.#first}-${this.#last}`
  }

  get data(): string {
    return this.#pool.bits().toString('base64')
  }

  #inRange(port: number): boolean {
    return port >= this.#first && port <= this.#last
  }

  release(port: number): void {
    this.#pool.release(port - this.#first)
  }

  findFree({ random }: StrategyContext): number | undefined {
    const offset = this.#pool.findFree(random)
    return offset === undefined ? undefined : this.#first + offset
  }
}
