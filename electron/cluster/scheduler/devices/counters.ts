import { addQuantities, compareQuantities, subtractQuantities, zero, type Quantity } from '#shared/kube/quantity.ts'
import type { PooledDevice } from './pools.ts'
import { consumedCounters, type Usage } from './usage.ts'

/** What the devices of one search take of the counters of their pools, on top of what others have. */
export class CounterDemand {
  readonly #usage: Usage
  /** By `driver/pool/set/counter`. */
  readonly #taken = new Map<string, Quantity>()

  constructor(usage: Usage) {
    this.#usage = usage
  }

  /** Takes what the device needs, or nothing and answers false where too little is left. */
  take(device: PooledDevice): boolean {
    const left = this.#usage.countersOf(device.pool)
    const wanted = consumedCounters(device).map(([name, amount]) => {
      const key = `${device.pool.id}/${name}`
      return { key, total: addQuantities(this.#taken.get(key) ?? zero, amount), left: left.get(name) ?? zero }
    })
    if (wanted.some(({ total, left: most }) => compareQuantities(total, most) > 0)) return false
    for (const { key, total } of wanted) this.#taken.set(key, total)
    return true
  }

  giveBack(device: PooledDevice): void {
    for (const [name, amount] of consumedCounters(device)) {
      const key = `${device.pool.id}/${name}`
      this.#taken.set(key, subtractQuantities(this.#taken.get(key) ?? zero, amount))
    }
  }
}
