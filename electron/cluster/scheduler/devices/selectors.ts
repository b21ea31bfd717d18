import type { Device, DeviceSelector } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { compileSelector, deviceVariable, selects } from '../../cel/devices.ts'
import type { CelValue } from '../../cel/values/values.ts'
import type { PooledDevice } from './pools.ts'

/** Expressions that are kept compiled; few different ones are ever written. */
const most = 256

interface Known {
  readonly driver: string
  readonly variable: CelValue
  readonly selected: Map<string, boolean>
}

/** Whether expressions select devices. A published device never changes, so that each is asked once. */
export class Selectors {
  readonly #compiled = new Map<string, ReturnType<typeof compileSelector>>()
  readonly #known = new WeakMap<Frozen<Device>, Known>()

  /** `owner`: whose selectors these are, for errors. Throws where one cannot be evaluated. */
  select({ id, device, driver }: PooledDevice, selectors: readonly Frozen<DeviceSelector>[], owner: string): boolean {
    return selectors.every(({ cel }, i) => {
      const { expression = '' } = cel ?? {}
      const known = this.#knownOf(device, driver)
      const remembered = known.selected.get(expression)
      if (remembered !== undefined) return remembered
      const compiled = this.#compile(expression)
      if ('error' in compiled) throw new Error(`${owner}: selector #${i}: CEL compile error: ${compiled.error}`)
      try {
        const selected = selects(compiled, known.variable)
        known.selected.set(expression, selected)
        return selected
      } catch (error) {
        throw new Error(`${owner}: selector #${i} on device ${id}: CEL runtime error: ${(error as Error).message}`, {
          cause: error,
        })
      }
    })
  }

  /** Caches may keep equal devices of two drivers as one object. */
  #knownOf(device: Frozen<Device>, driver: string): Known {
    const known = this.#known.get(device)
    if (known?.driver === driver) return known
    const fresh = { driver, variable: deviceVariable(driver, device), selected: new Map<string, boolean>() }
    this.#known.set(device, fresh)
    return fresh
  }

  #compile(expression: string): ReturnType<typeof compileSelector> {
    const known = this.#compiled.get(expression)
    if (known) return known
    if (this.#compiled.size >= most) this.#compiled.clear()
    const compiled = compileSelector(expression)
    this.#compiled.set(expression, compiled)
    return compiled
  }
}
